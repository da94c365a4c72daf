"""What a run of the notebooks is trained on, written beside it, so that a machine that has nothing can have it again.

``data.json`` in a run's folder says where its photos came from and how they were prepared. It is mirrored to Drive with
the rest of the run. On a fresh machine it, and not what a form happens to say, decides what is fetched and prepared.
"""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.batches import PreparedSet
from ..data.filters import Filters
from ..data.prepare import prepare
from ..data.sources import KaggleLab, PhotoFolder, SamplePhotos, kaggle_name, kaggle_source, label
from ..disk import sha256, write_json
from ..errors import ColorizeError
from ..training.recipes import get_preset, get_recipe
from ..weights import read_model, shipped_model
from .copies import Changed, copy_checked, reason, write_checked
from .mirror import open_mirror

RUNS, PREPARED = Path("saved_models/runs"), Path("saved_models/prepared")
AS_BEFORE = "as before, or samples"
SOURCES = (AS_BEFORE, "samples", "kaggle", "my photos")
DATA = "data.json"
STARTS = NOTHING, IMAGENET, SHIPPED = "nothing", "ImageNet", "the shipped model"
SUMS = "sha256.json"  # written last: where it is, a prepared set on Drive is whole
PARTS = ("train.npy", "val.npy", "test.npy", "index.csv", "settings.json")


def choose_run(preset, source, photos="", drive=None, say=print, name="", start=None):
    """The run that a notebook's form asks for, begun earlier or not yet. Returns a `ChosenRun`; prepares nothing.

    name: "" or one of the reader's own, for a run beside the others, such as that of an experiment. start: one of
    STARTS, what a new run starts from; one that was begun keeps its own.

    preset: its name. source: one of SOURCES; AS_BEFORE is the newest run, here or on Drive, with whatever it was begun
    with, and the samples where there is none. photos: the folder of one's own photos, or of the Kaggle set; or, for any
    source, "kaggle:OWNER/NAME". drive: the project's folder on Drive, or None. One-line ColorizeError for photos that
    are not there and that no run knows.
    """
    if source not in SOURCES:
        raise ColorizeError(f"expected source_name to be one of {', '.join(SOURCES)}, got {source!r}")
    if str(photos).strip().startswith("kaggle:"):
        source, photos = str(photos).strip(), ""
    if (start or IMAGENET) not in STARTS:
        raise ColorizeError(f"expected start_from to be one of {', '.join(STARTS)}, got {start!r}")
    if str(name).strip():
        chosen = _named_run(f"notebook_{preset}_{_plain(name)}", preset, source, photos, drive, say)
    else:
        chosen = _usual_run(preset, source, photos, drive, say)
    chosen.start = (chosen.known or {}).get("start") or start or IMAGENET
    if start and start != chosen.start:
        say(f"{chosen.name} was begun from {chosen.start}, and goes on so: a start from {start} needs a run_name.")
    return chosen


def _usual_run(preset, source, photos, drive, say):
    """The run whose name tells its preset and its photos; for AS_BEFORE the newest."""
    photos = str(photos).strip().strip("\"'")
    photos = os.path.abspath(os.path.expanduser(photos)) if photos else ""
    if source == AS_BEFORE:
        # A look at the smoke run is never meant to go on with hours of training, nor the other way round.
        if found := _newest(drive, lambda known, name: (_preset(known, name) == "smoke") == (preset == "smoke")):
            name, known = found
            if known is None:
                line = f"{name} has no whole {DATA}, so nothing tells what it was trained on"
                raise ColorizeError(f"{line}: choose preset_name, source_name and my_photos as when it was begun", 1)
            on = _photos_of(known["source"], known["photos"])
            say(f"Going on with {name} (preset {known['preset']}, {on}). For another run choose a source_name.")
            return _chosen(name, known["preset"], known["source"], known["photos"], known["prepared"], drive)
        source = "samples"
    if source != "my photos":
        photos = photos if source == "kaggle" else ""
        prepared = kaggle_name(source) if source.startswith("kaggle:") else source
        return _chosen(f"notebook_{preset}_{prepared}", preset, source, photos, prepared, drive)
    if not photos:
        raise ColorizeError("write the folder of your photos into `my_photos` above, and run that cell again")
    if not Path(photos).is_dir():  # on a machine that is gone, perhaps; the run may know how to do without

        def is_it(known, name):
            return known and (known["preset"], known["source"], known["photos"]) == (preset, source, photos)

        if found := _newest(drive, is_it):
            name, known = found
            return _chosen(name, preset, source, photos, known["prepared"], drive)
    prepared = label(PhotoFolder(photos))
    return _chosen(f"notebook_{preset}_{prepared}", preset, source, photos, prepared, drive)


def _named_run(name, preset, source, photos, drive, say):
    """The run of that name, gone on with; or a new one on the photos of the form, else on those of the newest run."""
    begun = _newest(drive, lambda known, other: known and other == name)
    if source == AS_BEFORE and not begun:
        wanted = _usual_run(preset, source, photos, drive, say=lambda line: None)
        say(f"A new run, {name}, on {_photos_of(wanted.source, wanted.photos)}.")
    elif source == AS_BEFORE:
        known = begun[1]
        say(f"Going on with {name} (preset {preset}, {_photos_of(known['source'], known['photos'])}).")
        return _chosen(name, preset, known["source"], known["photos"], known["prepared"], drive)
    else:
        wanted = _usual_run(preset, source, photos, drive, say)
    chosen = _chosen(name, preset, wanted.source, wanted.photos, wanted.prepared.name, drive)
    if chosen.known and chosen.known["prepared"] != chosen.prepared.name:
        on = _photos_of(chosen.known["source"], chosen.known["photos"])
        raise ColorizeError(f"{name} was begun on {on}: choose another run_name, or the photos it was begun on", 1)
    return chosen


def _plain(name):
    plain = re.sub(r"[^\w.-]+", "-", str(name)).strip("-._")[:40]
    if not plain:
        raise ColorizeError(f"expected a run_name with letters or digits in it, got {name!r}")
    return plain


@dataclass
class ChosenRun:
    """A run: its ``name``, what it is trained with and on. ``known`` is what its data.json says, if it was begun."""

    name: str
    preset: str
    source: str
    photos: str
    prepared: Path
    drive: Path | None
    known: dict | None
    start: str = IMAGENET

    @property
    def folder(self):
        """Where the run is on this machine."""
        return RUNS / self.name

    @property
    def mirror(self):
        """Where it is on Drive, or None."""
        return self.drive / "runs" / self.name if self.drive else None

    def open_mirror(self, say=print):
        """What `train` keeps Drive's copy with, or None; a run that is further there is fetched before it goes on."""
        return open_mirror(self.folder, self.mirror, say)

    def training(self, backbone_weights="imagenet"):
        """What it is trained with: (recipe, preset, the model file to start from or None).

        The smoke run has networks so small that they start from nothing. backbone_weights: "imagenet", a file, "none".
        """
        if self.preset == "smoke":
            preset = get_preset("smoke", "tiny")
            return get_recipe("tiny", preset), preset, None
        weights = None if backbone_weights == "none" or self.start == NOTHING else backbone_weights
        preset = get_preset(self.preset)
        recipe = get_recipe("unet-gan", preset, weights)
        if self.start != SHIPPED:
            return recipe, preset, None
        spec = read_model(shipped_model())[1]
        return replace(recipe, generator={**spec, "weights": weights}), preset, shipped_model()

    def prepare(self, say=print):
        """Have the run's prepared set, made or fetched if it is not here, and say in data.json what it is.

        Returns its folder. One-line ColorizeError if the photos cannot be had, or are not those the run began with.
        """
        made = not (self.prepared / "settings.json").is_file()
        if made and not self._fetch_kept(say):
            self._make(say)
        data = PreparedSet.open(self.prepared)
        if self.known and data.fingerprint != self.known["fingerprint"]:
            line = f"{self.prepared} is not the set that {self.name} was trained on"
            if made:
                line = f"{line}, though made again as it was: {self._photos} have changed, or are read otherwise by now"
            else:
                line = f"{line}: delete that folder and run this cell again"
            raise ColorizeError(line, status=1)
        known = {
            "version": 1,
            "preset": self.preset,
            "source": self.source,
            "photos": self.photos,
            "prepared": self.prepared.name,
            "fingerprint": data.fingerprint,
            "settings": data.settings,
            "start": self.start,
        }
        if known != _read(self.folder):
            write_json(self.folder / DATA, known)
        self._keep(say)
        if self.source == "samples" and self.preset != "smoke":
            line = f"preset {self.preset} is about to train on {len(data.train)} crops of a few sample photos"
            say(f"{line}: it will know these by heart and no others. Choose kaggle or my photos as source_name.")
        return self.prepared

    @property
    def _photos(self):
        return _photos_of(self.source, self.photos)

    def _make(self, say):
        settings = self.known["settings"] if self.known else {}
        options = {key: settings[key] for key in ("height", "width", "fit", "val", "test") if key in settings}
        if "filters" in settings:
            options["filters"] = Filters.stored(settings["filters"])
        source = self._source()
        before, now = settings.get("contents", ""), getattr(source, "contents", "")
        if before and before != now:
            line = f"{self._photos} are not those that {self.name} was trained on (some were added, removed or changed)"
            raise ColorizeError(f"{line}: put them back as they were, or choose a source_name for another run", 1)
        prepare(source, self.prepared, progress=False, say=say, **options)

    def _source(self):
        if self.source == "samples":
            return SamplePhotos()
        if self.source.startswith("kaggle:"):
            return kaggle_source(self.source)
        if self.source == "kaggle":
            # The folder it was once read from may be gone; the set is the same wherever it comes from.
            gone = self.known and not Path(self.photos).is_dir()
            return KaggleLab(None if gone or not self.photos else self.photos)
        if self.known and not Path(self.photos).is_dir():
            count = sum(self.known["settings"].get("counts", {}).values())
            line = f"{self.name} was trained on the photos in {self.photos} ({count:,} of them), which is not there"
            raise ColorizeError(f"{line}: put that folder there again, as it was, and run this cell again", 1)
        return PhotoFolder(self.photos)

    # Photos that were only on a machine that is lent out go with it. So what was made of them is kept on Drive.

    def _kept(self):
        return self.drive / "prepared" / self.prepared.name if self.drive and self.source == "my photos" else None

    def _keep(self, say):
        kept = self._kept()
        if kept is None or _inside(self.photos, self.drive):
            return
        try:
            if self._sums(kept).get("index.csv") == sha256(self.prepared / "index.csv"):
                return
            size = sum((self.prepared / name).stat().st_size for name in PARTS) / 1e6
            say(f"Copying the prepared photos to {kept} ({size:,.0f} MB): {self.photos} is not on Drive.")
            sums = {name: copy_checked(self.prepared / name, kept / name) for name in PARTS}
            write_checked(kept / SUMS, json.dumps(sums).encode())
        except (OSError, Changed) as error:
            say(f"{kept} could not be written ({reason(error)}): after a disconnect the photos are needed again.")

    def _fetch_kept(self, say):
        kept = self._kept()
        try:
            sums = self._sums(kept) if kept else {}
            if not sums or (self.known and sums["index.csv"] != self.known["fingerprint"]):
                return False
            for name in PARTS:  # the settings last: they say that all is there
                copy_checked(kept / name, self.prepared / name, sums[name])
        except (OSError, Changed, KeyError) as error:
            what = reason(error) if isinstance(error, OSError) else "a file is missing or damaged"
            say(f"The prepared photos in {kept} could not be fetched ({what}); trying to make them anew.")
            for name in PARTS:
                (self.prepared / name).unlink(missing_ok=True)
            return False
        say(f"Fetched the prepared photos from {kept}.")
        return True

    @staticmethod
    def _sums(kept):
        try:
            return dict(json.loads((kept / SUMS).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return {}


def _chosen(name, preset, source, photos, prepared, drive):
    here, there = _read(RUNS / name), _read(drive / "runs" / name) if drive else None
    begun_here = (RUNS / name / "manifest.json").is_file()
    known = (here or there) if begun_here else (there or here)
    return ChosenRun(name, preset, source, photos, PREPARED / prepared, drive, known)


def _newest(drive, wanted):
    """The run, here or on Drive, that was written to last -> (name, its data.json or None); None without any."""
    found = []
    try:
        for place in [RUNS, *([drive / "runs"] if drive else [])]:
            for folder in sorted(place.glob("notebook_*")):
                times = [path.stat().st_mtime for n in ("manifest.json", DATA) if (path := folder / n).is_file()]
                if times and wanted(known := _read(folder), folder.name):
                    found.append((max(times), folder.name, known))
    except OSError as error:
        raise ColorizeError(f"{drive} cannot be read ({reason(error)}): run the first cell again", 1) from None
    return max(found, key=lambda run: run[:2])[1:] if found else None


def _read(folder):
    """data.json of a run, None if there is none or it is not whole."""
    try:
        known = json.loads((folder / DATA).read_text(encoding="utf-8"))
        [known[key] for key in ("preset", "source", "photos", "prepared", "fingerprint", "settings")]
        return known
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None
    except OSError as error:
        raise ColorizeError(f"{folder / DATA} cannot be read ({reason(error)}): run the first cell again", 1) from None


def _preset(known, name):
    return known["preset"] if known else name.split("_")[1]


def _photos_of(source, photos):
    if source.startswith("kaggle:"):
        return f"the photos of {source}"
    return {"samples": "the sample photos", "kaggle": "Kaggle's photos"}.get(source, f"the photos in {photos}")


def _inside(photos, drive):
    """Whether a folder is on the same Drive as the project: there it outlives the machine."""
    mount = drive.parent.parent if drive.parent.name == "MyDrive" else drive.parent
    return Path(os.path.realpath(photos)).is_relative_to(os.path.realpath(mount))
