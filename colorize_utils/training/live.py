"""In a notebook: the curve of the loss and the eight validation pictures, drawn anew in place while it trains."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from .progress import Progress


def progress_of(say, folder, live=False):
    """What shows how far a run in ``folder`` is: a `Live` where that is wished and possible, else plain lines."""
    return Live(say, folder=Path(folder)) if live and say is print and in_notebook() else Progress(say)


def in_notebook():
    """Whether this is a kernel of Jupyter or Colab, which can show pictures."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


@dataclass
class Live(Progress):
    """Draws where the lines of `Progress` would be printed; lines that stay are printed as ever."""

    folder: Path = None
    interval: float = 5.0
    _losses: list = field(default_factory=list)  # (photos seen, loss), since this call began
    _shown: object = None
    _latest: tuple | None = None  # what the last step told

    def step(self, where, images, images_left, losses, steps=None):
        """As `Progress.step`."""
        if (loss := losses.get("l1", losses.get("loss"))) is not None:
            self._losses.append((images, loss))
        self._latest = where, losses, steps
        super().step(where, images, images_left, losses, steps)

    def line(self, text):
        """A line that stays; with the one that ends an epoch all is drawn, too."""
        super().line(text)
        if self._latest and "validation" in text:
            where, losses, steps = self._latest
            self.show(where, [], losses, steps)

    def show(self, where, pace, losses, steps):
        """Draw it all, in place of what was drawn before."""
        from IPython.display import Image as Shown
        from IPython.display import display

        done = f"step {steps[0]:,} of {steps[1]:,}" if steps else ""
        named = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        picture = Shown(self._figure(where, ", ".join(filter(None, [done, *pace])), named), format="jpeg")
        if self._shown is None:
            self._shown = display(picture, display_id=True)
        else:
            self._shown.update(picture)

    def _figure(self, where, pace, named):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 5), layout="constrained")
        FigureCanvasAgg(figure)
        curve, pictures = figure.subplots(2, 1, height_ratios=(2, 3))
        curve.plot(
            *zip(*(self._losses or [(0, 0)]), strict=True), color="0.7", label="training, mean of the epoch so far"
        )
        if rows := self._history():
            seen = [int(row["images"]) for row in rows]
            curve.plot(seen, [float(row["val_l1"]) for row in rows], "o-", label="validation")
            curve.axhline(float(rows[-1]["val_grey"]), color="black", linestyle=":", label="grey")
        curve.set(xlabel="photos seen", ylabel="error |ab|", title=f"{where}\n{pace}\n{named}")
        curve.legend(fontsize=8, loc="upper right")
        if latest := max(self.folder.glob("*/samples/*.png"), key=lambda path: path.stat().st_mtime, default=None):
            pictures.imshow(Image.open(latest))
            pictures.set_title(f"{latest.parts[-3]}, {latest.stem}: grey, colored, truth", fontsize=9)
        pictures.axis("off")
        out = io.BytesIO()
        figure.savefig(out, format="jpeg", dpi=75)
        return out.getvalue()

    def _history(self):
        try:
            with open(self.folder / "history.csv", newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
        except OSError:
            return []
