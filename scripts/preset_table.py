"""The table of presets in docs/training.md: what each means in photos and hours.

    python scripts/preset_table.py            prints it
    python scripts/preset_table.py --write    puts it into docs/training.md

Hours on two cores are reckoned, not measured: photos to be seen by the pace of the shipped model's own runs
(saved_models/history.csv, run unet-cpu-2, crops of 96 pixels), a photo of a larger crop taking longer as it has more
pixels. They are for two cores with nothing else to do.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.training.recipes import PRESETS, get_recipe  # noqa: E402

SHOWN = {
    "smoke": "to see that everything works; the notebooks use the small recipe `tiny`",
    "cpu": "two CPU cores; the shipped model began so",
    "colab": "a free GPU on Colab",
    "full": "a large GPU",
    "predecessor": "the original project's sizes, for `--recipe pix2pix`",
    "tutorial": "see [other systems](#other-systems)",
}
RECIPES = {"predecessor": "pix2pix"}  # of the others it is `unet-gan`
PHOTOS, CROP, RECORD = 10_000, 96, "unet-cpu-2"
MARKS = re.compile(r"(<!-- presets -->\n).*?(<!-- /presets -->)", re.DOTALL)


def paces(path=ROOT / "saved_models" / "history.csv"):
    """Phase -> photos a second of the run `RECORD`, from its rows and the one before each."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen = {}
    for before, row in zip(rows, rows[1:], strict=False):
        if row["run"] == RECORD:
            photos, minutes = seen.get(row["phase"], (0, 0.0))
            photos += int(row["images"]) - int(before["images"])
            seen[row["phase"]] = photos, minutes + float(row["minutes"]) - float(before["minutes"])
    found = {phase: photos / minutes / 60 for phase, (photos, minutes) in seen.items()}
    return {"decoder": found["unet"], **found}  # of its first phase there is no record; it is no slower


def table():
    """The table as Markdown."""
    lines = [
        f"| `--preset` | for | crop, px | batch | epochs of the phases | hours on two cores for {PHOTOS:,} photos |",
        "|---|---|---|---|---|---|",
    ]
    pace = paces()
    for name, purpose in SHOWN.items():
        preset = PRESETS[name]
        phases = get_recipe(RECIPES.get(name, "unet-gan"), preset).phases
        epochs = ", ".join(str(phase.epochs) for phase in phases)
        hours = "–"  # of other phases, or another network, there is no record
        if all(phase.name in pace for phase in phases) and len(phases) == len(pace):
            epoch = min(preset.epoch_photos or PHOTOS, PHOTOS)
            seconds = sum(phase.epochs * epoch / pace[phase.name] for phase in phases) * (preset.crop / CROP) ** 2
            hours = f"{seconds / 3600:.1f}" if seconds > 360 else "under 0.1"
        lines.append(f"| `{name}` | {purpose} | {preset.crop} | {preset.batch} | {epochs} | {hours} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into docs/training.md")
    if not parser.parse_args().write:
        print(table(), end="")
        return 0
    path = ROOT / "docs" / "training.md"
    text, found = MARKS.subn(lambda match: match[1] + table() + match[2], path.read_text(encoding="utf-8"))
    if found != 1:
        print("preset_table: expected <!-- presets --> and <!-- /presets --> in docs/training.md", file=sys.stderr)
        return 1
    path.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
