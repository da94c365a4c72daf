"""Checkpoints that survive being killed: new file, flushed, read back, then named by a manifest that is written last.

A run folder holds ``manifest.json`` (which checkpoints are whole, with their SHA-256), the checkpoints themselves, and
a folder a phase with what can be used on its own (generators, sample pictures). The manifest always names files that
were complete on the disk before it was written, so at any moment of a crash it, or the one before it, is right.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..disk import PART, sha256, sweep, whole, write_json
from ..errors import ColorizeError
from ..weights import assign_arrays, keyed, read_arrays, write_arrays

VERSION = 1
PARTS = ("generator", "ema", "discriminator", "optimizer", "critic_optimizer")


def network_arrays(nets):
    """All variables of a `Networks` -> dict "part/key" -> float32 or integer ndarray."""
    arrays = {}
    for part in PARTS:
        owner = getattr(nets, part)
        if owner is not None:
            arrays.update({f"{part}/{key}": np.asarray(v) for key, v in keyed(owner.variables).items()})
    return arrays


def restore(nets, arrays, where, parts=PARTS):
    """Give the variables of ``nets`` the values in ``arrays``; an error names what is missing, extra or misshapen."""
    for part in parts:
        owner = getattr(nets, part)
        stored = {k.split("/", 1)[1]: a for k, a in arrays.items() if k.startswith(f"{part}/")}
        if owner is None and stored:
            raise ColorizeError(f"{where}: has a {part} that this phase has not", status=1)
        if owner is not None:
            if part.endswith("optimizer"):
                stored = _with_scale_of(owner, stored)
            assign_arrays(owner.variables, stored, f"{where} ({part})")


def _with_scale_of(optimizer, stored):
    """Only mixed_float16 scales its loss: a run that moves to or from that leaves the scale behind, or begins it."""
    own = {key: np.asarray(v) for key, v in keyed(optimizer.variables).items() if "_scale/" in key}
    return {**own, **{key: a for key, a in stored.items() if "_scale/" not in key or key in own}}


def not_finite(arrays):
    """The name of an array with a number that is not finite, None if there is none."""
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            return name
    return None


def is_checkpoint(name):
    """Whether a file's name is that of a checkpoint: not of a copy that somebody, or Drive, made of one."""
    return re.fullmatch(r"checkpoint-\d+\.h5", name) is not None


def serial_of(name):
    """The number in a checkpoint's name."""
    return int(name[11:-3])


def parse_manifest(data, folder):
    """The bytes of a manifest -> dict, None if they are damaged. ColorizeError if a newer version wrote them.

    All that it names are checkpoints, each with its SHA-256, phase and step (or with none, after a manifest was lost).
    "run" is the run's identity, as in its state; versions before 0.7.0 wrote none.
    """
    try:
        manifest = json.loads(data)
        newer = manifest["version"] > VERSION
        entries = [] if newer else [*manifest["checkpoints"], *([manifest["best"]] if manifest["best"] else [])]
        names = [entry["file"] for entry in entries[: len(manifest["checkpoints"])]]
        whole = all(map(_is_entry, entries)) and names == sorted(set(names))
        whole = whole and isinstance(manifest.get("run"), str | None)
    except (ValueError, KeyError, TypeError):
        return None
    if newer:
        version = f"run format {manifest['version']}, this one reads {VERSION}"
        raise ColorizeError(f"{folder} was written by a newer version ({version})")
    return manifest if whole else None


def _is_entry(entry):
    digest = entry["sha256"]
    described = digest is None or (len(digest) == 64 and entry["phase"] + entry["step"] >= 0)
    return is_checkpoint(entry["file"]) and described


@dataclass
class Checkpoints:
    """The checkpoints of one run folder. ``say`` is called with one line when something damaged was passed over."""

    run: Path
    say: callable = print
    keep: int = 3
    manifest: dict = field(default_factory=dict)

    def __post_init__(self):
        path = self.run / "manifest.json"
        there = path.is_file()
        found = parse_manifest(path.read_bytes(), self.run) if there else None
        self.manifest = found or self._scan()
        if not found and (there or self.manifest["checkpoints"]):
            self.say(f"{path} is {'damaged' if there else 'missing'}: looking at the checkpoint files themselves")

    def _files(self):
        return sorted((p for p in self.run.glob("checkpoint-*.h5") if is_checkpoint(p.name)), key=lambda p: p.name)

    def _scan(self):
        """A manifest of the files that are there. The best one is the newest that says so of itself."""
        entries = [{"file": path.name, "sha256": None} for path in self._files()]
        best = next((entry for entry in reversed(entries) if self._says_best(entry)), None)
        return {"version": VERSION, "checkpoints": entries, "best": best}

    def _says_best(self, entry):
        try:
            return read_arrays(self.run / entry["file"])[1].get("best", False)
        except ColorizeError:
            return False

    def save(self, arrays, state, best=False):
        """Write one checkpoint. ``state`` is JSON-able, with ``phase`` and ``step``. Raises OSError on a full disk."""
        self.run.mkdir(parents=True, exist_ok=True)
        serial = max([serial_of(c["file"]) for c in self._known()] + [0]) + 1
        name = f"checkpoint-{serial:06d}.h5"
        path = self.run / name
        with whole(path) as temporary:
            digest = write_arrays(temporary, arrays, {"state": state, "best": best})
            if sha256(temporary) != digest:
                raise ColorizeError(f"the disk gave back something else than was written to {path}", status=1)
        entry = {"file": name, "sha256": digest, "phase": state["phase"], "step": state["step"]}
        self.manifest["checkpoints"] = [*self.manifest["checkpoints"], entry][-self.keep :]
        if best:
            self.manifest["best"] = entry
        self.manifest["run"] = state.get("run")
        write_json(self.run / "manifest.json", self.manifest)
        self._sweep()
        return path

    def load(self):
        """The newest good checkpoint -> (arrays, state), or None if the run has none yet."""
        known = self._known()
        for entry in sorted(known, key=lambda c: c["file"], reverse=True):
            try:
                return self._read(entry)
            except (ColorizeError, OSError) as error:
                self.say(f"{error}; going back to the one before it")
                # Not counted among the last three any more, so that three good ones are kept.
                self.manifest["checkpoints"] = [c for c in self.manifest["checkpoints"] if c["file"] != entry["file"]]
                if self.manifest["best"] and self.manifest["best"]["file"] == entry["file"]:
                    self.manifest["best"] = None
        if known:
            raise ColorizeError(f"no checkpoint in {self.run} can be read; move the folder away to begin anew", 1)
        return None

    def load_best(self):
        """Arrays and state of the best checkpoint by validation error, or None."""
        best = self.manifest["best"]
        if not best:
            return None
        return self._read(best)

    def _read(self, entry):
        path = self.run / entry["file"]
        if entry["sha256"] and path.is_file() and sha256(path) != entry["sha256"]:
            raise ColorizeError(f"{path} is damaged: its SHA-256 is not the one in the manifest", status=1)
        arrays, meta = read_arrays(path, "a checkpoint")
        if "state" not in meta:
            raise ColorizeError(f"expected a checkpoint, but {path} is a file of another kind", status=1)
        if name := not_finite(arrays):  # versions before 0.7.0 kept such
            raise ColorizeError(f"{path} has numbers that are not finite in {name}", status=1)
        return arrays, meta["state"]

    def _known(self):
        best = self.manifest["best"]
        entries = {c["file"]: c for c in [*self.manifest["checkpoints"], *([best] if best else [])]}
        return list(entries.values())

    def _sweep(self):
        kept = {c["file"] for c in self._known()}
        sweep(self.run, deep=False)
        # Versions before 0.7.0 called unfinished ones so.
        for path in [*self._files(), *self.run.glob(".checkpoint-*.tmp")]:
            if path.name not in kept:
                # Emptied first: a mounted Drive keeps deleted files in a trash that counts against the quota. Windows
                # does not let go of a file that is being read, to be copied to Drive say: the next sweep takes it.
                with suppress(PermissionError):
                    with open(path, "wb"):
                        pass
                    path.unlink()


MANIFEST = "manifest.json"


def read_manifest(path):
    """A manifest, or None if there is none or it is damaged. OSError where the disk fails."""
    try:
        with open(path, "rb") as file:
            return parse_manifest(file.read(), Path(path).parent)
    except FileNotFoundError:
        return None


def survey(folder):
    """The manifest of the run in a folder; without one, what the files themselves are.

    One whose renaming did not arrive counts too if it is newer.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        names = []
    candidates = [n for n in names if n == MANIFEST or (n.startswith(f".{MANIFEST}.") and n.endswith(PART))]
    found = [m for name in candidates if (m := read_manifest(folder / name))]
    if found:
        return max(found, key=newest)
    scanned = [{"file": name, "sha256": None} for name in sorted(names) if is_checkpoint(name)]
    return {"version": VERSION, "checkpoints": scanned, "best": None}


def entries_of(manifest):
    """All checkpoints that a manifest names, each once; none for None."""
    if manifest is None:
        return []
    best = [manifest["best"]] if manifest["best"] else []
    return list({entry["file"]: entry for entry in [*manifest["checkpoints"], *best]}.values())


def serial(entry):
    """The serial number of the checkpoint of an entry."""
    return serial_of(entry["file"])


def newest_of(entries):
    """The largest serial number of these, 0 for none."""
    return max(map(serial, entries), default=0)


def newest(manifest):
    """The largest serial number that a manifest names, 0 for none."""
    return newest_of(entries_of(manifest))
