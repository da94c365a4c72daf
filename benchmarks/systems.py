"""Every system side by side: each recipe trained on the same photos for about the same work, then one report.

    python benchmarks/systems.py --data saved_models/prepared/NAME --photos FOLDER -o outputs/systems \\
        --minutes 4 --backbone-weights FILE --classifier MobileNetV2=FILE

Writes ``report/`` (as `evaluate` does, with the rows *levin-0*, *levin-10* and *levin-50* of true-color hints),
``curves.csv`` (quality against minutes, a line a snapshot), ``systems_curves.png`` and ``systems.jpg`` (the six sample
photos through every system). Begun again it goes on where it was.

A minute is a minute of two CPU cores, counted as processor time, so that other work on the machine does not count. A
recipe is given as many photos as `SPEEDS` says it sees in the minutes asked for; what it took in truth is in
``curves.csv``. Such a table judges budgets as much as methods: a system with ten times the arithmetic has seen a tenth
of the photos, and one that begins with a pretrained encoder had weeks of another machine's time for nothing.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from colorize_utils.terminal import quietly_import_keras  # noqa: E402

# Photos a second on two CPU cores, about: crops of 96 pixels (pix2pix: 128) in batches of 16.
SPEEDS = {"unet-gan": 32.0, "unet-projected": 22.0, "unet-bins": 30.0, "pix2pix": 4.0, "zhang": 3.0}
# Epochs a phase: eight snapshots each, of which the curves are drawn.
EPOCHS = {
    "unet-gan": (1, 5, 1, 1),
    "unet-projected": (1, 4, 1, 2),
    "unet-bins": (1, 7),
    "pix2pix": (3, 3, 2),
    "zhang": (8,),
}
LEVIN = (0, 10, 50)
FIGURES = ("psnr_gain", "de2000_ratio", "colorfulness_ratio", "frechet_ratio")
NAMES = ("PSNR over grey, dB", "ΔE2000 against grey's", "colorfulness against truth's", "Fréchet against grey's")


def train(recipe, args):
    """Train one recipe for about ``args.minutes`` -> its folder. A finished one is left alone."""
    run, log = args.output / recipe, args.output / f"{recipe}.log"
    if log.is_file() and "\nfinished: " in log.read_text(encoding="utf-8"):
        return run
    photos = int(SPEEDS[recipe] * args.minutes * 60 / sum(EPOCHS[recipe])) // 16 * 16
    command = [sys.executable, "-m", "colorize_utils", "train", "--recipe", recipe, "--preset", "cpu"]
    command += ["--data", args.data, "--run", run, "--batch", 16, "--epoch-photos", max(16, photos)]
    command += ["--epochs", *EPOCHS[recipe], "--backbone-weights", args.backbone_weights]
    used = args.output / f"{recipe}.seconds"  # of two cores, over all the times this was begun
    before = _children_seconds()
    try:
        with open(log, "a", encoding="utf-8") as out:
            subprocess.run(list(map(str, command)), cwd=ROOT, stdout=out, stderr=out, check=True)
    finally:
        total = float(used.read_text() if used.is_file() else 0) + (_children_seconds() - before) / 2
        used.write_text(f"{total:.1f}\n")
    return run


def _children_seconds():
    times = os.times()
    return times.children_user + times.children_system


def last_generator(run):
    """The model file of the last phase of a run."""
    return max(run.glob("*/generator.h5"))


def evaluate(runs, args):
    """One report of all systems on the same photos."""
    command = [sys.executable, "-m", "colorize_utils", "evaluate", "--photos", args.photos]
    command += ["-o", args.output / "report", "--working-size", args.working_size]
    for name, run in runs.items():
        command += ["--model", f"{name}={last_generator(run)}"]
    for count in LEVIN:
        command += ["--levin", count]
    command += ["--classifier", args.classifier] if args.classifier else []
    command += ["--limit", args.limit] if args.limit else []
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True)


def curves(runs, args):
    """Measure the snapshots of every run -> list of dicts with system, images, minutes and figures."""
    from colorize_utils.evaluation.classifier import load_classifier
    from colorize_utils.evaluation.curve import curve
    from colorize_utils.evaluation.report import limited
    from colorize_utils.evaluation.rows import photo_folder

    classifier = load_classifier(args.classifier) if args.classifier else None
    photos, lines = limited(photo_folder(args.photos, 256), args.curve_limit), []
    for name, run in runs.items():
        found, _ = curve([run], photos, classifier, args.working_size)
        found = [line for line in found if line["images"]]
        minutes = float((args.output / f"{name}.seconds").read_text()) / 60 / found[-1]["images"]
        lines += [{"system": name, **line, "minutes": line["images"] * minutes} for line in found]
    with open(args.output / "curves.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["system", "phase", "images", "minutes", *FIGURES], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in line.items()} for line in lines)
    return lines


def draw_curves(lines, path):
    """Quality against minutes, a panel a figure."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 4, figsize=(15, 3.4), layout="constrained")
    for panel, key, title in zip(panels, FIGURES, NAMES, strict=True):
        for name in dict.fromkeys(line["system"] for line in lines):
            points = [
                (line["minutes"], line[key]) for line in lines if line["system"] == name and line[key] is not None
            ]
            panel.plot(*zip(*points, strict=True), marker=".", label=name) if points else None
        panel.set(title=title, xlabel="minutes of two cores")
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=90)


def draw_samples(runs, path, working_size):
    """The six sample photos, made grey, through every system; the truth last."""
    import numpy as np
    from PIL import Image

    sys.path.insert(0, str(ROOT / "scripts"))
    from make_pictures import grey, labeled, row, shrunk, stacked

    from colorize_utils import Colorizer, sample_photos
    from colorize_utils.evaluation.rows import case_of, levin_row

    photos = [shrunk(photo, 90) for photo in sample_photos().values()]
    rows = [labeled(row([grey(photo) for photo in photos]), "given")]
    for count in LEVIN[1:]:
        title = f"levin, {count} hints of the true color"
        paint = levin_row(count).paint
        rows.append(labeled(row([paint(case_of("sample", photo, photo.shape[:2])) for photo in photos]), title))
    for name, run in runs.items():
        model = Colorizer.load(last_generator(run))
        model.size = model.smallest = working_size
        rows.append(labeled(row([model(grey(photo)) for photo in photos]), name))
    rows.append(labeled(row(photos), "the truth"))
    Image.fromarray(np.asarray(stacked(rows))).save(path, quality=80, optimize=True)


def main():
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a prepared set")
    parser.add_argument("--photos", required=True, help="a folder of color photos to measure on")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8.0, help="of training for each (default: %(default)s)")
    parser.add_argument("--backbone-weights", default="imagenet", metavar="FILE")
    parser.add_argument("--classifier", metavar="NAME[=FILE]")
    parser.add_argument("--limit", type=int, metavar="N", help="measure on N photos only")
    parser.add_argument("--curve-limit", type=int, default=100, metavar="N", help="and the curves (default: 100)")
    parser.add_argument("--working-size", type=int, default=128, metavar="N")
    parser.add_argument("--only", nargs="+", choices=SPEEDS, default=list(SPEEDS))
    args = parser.parse_args()
    args.output = args.output.resolve()
    args.output.mkdir(parents=True, exist_ok=True)
    runs = {recipe: train(recipe, args) for recipe in args.only}
    quietly_import_keras()
    evaluate(runs, args)
    draw_curves(curves(runs, args), args.output / "systems_curves.png")
    draw_samples(runs, args.output / "systems.jpg", args.working_size)
    print(f"{args.output}: report/report.md, curves.csv, systems_curves.png, systems.jpg")


if __name__ == "__main__":
    main()
