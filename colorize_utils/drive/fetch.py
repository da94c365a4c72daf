"""Fetching a run from Drive: the newest checkpoint that is whole there, and all that belongs to it.

What is here stays as it is until all is here. So a fetch that is interrupted has changed nothing that counts.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..disk import PART, sha256, write_json
from ..errors import ColorizeError, is_full
from ..training.checkpoint import MANIFEST, entries_of, is_checkpoint, newest, newest_of, serial, survey
from ..weights import read_arrays
from .copies import Changed, copy_checked, files_of, reason, remove, stamp, twice

LEFT_HERE = ("lock", "tensorboard")  # the process's own, and logs that are written anew at each start


@dataclass
class Fetch:
    """A fetch from ``remote`` to ``local``. ``there``: name -> stamp of a file here whose content Drive has."""

    local: Path
    remote: Path
    there: dict
    say: callable

    def fetch(self, manifest):
        """Fetch the run whose manifest on Drive this is, if it is further than the one here -> whether it was."""
        here = self._newest_whole(newest(manifest))
        if newest(manifest) <= here:
            return False
        try:
            good, missed = self._fetch_checkpoints(entries_of(manifest))
            if newest_of(good) > here:
                missed += self._fetch_others()
                self._adopt(manifest, good)
                last = max(good, key=serial)
                at = f", phase {last['phase'] + 1}, step {last['step']:,}" if "step" in last else ""
                self.say(f"fetched from {self.remote}: {last['file']}{at}{_missing(missed)}")
                return True
        except OSError as error:
            if is_full(error):
                line = f"the disk is full: the run in {self.remote} cannot be fetched to {self.local}. Make room"
                raise ColorizeError(line, status=1) from None
            missed = [reason(error)]
        if not here:
            line = f"no checkpoint in {self.remote} can be read{_missing(missed)}; mount Drive again and start again"
            raise ColorizeError(f"{line}, or move that folder away to begin anew", status=1)
        self.say(f"{self.remote} has nothing that is newer than {self.local} and whole{_missing(missed)}")
        self._drop_parts()
        return False

    def _newest_whole(self, wanted):
        """The serial number of the newest whole checkpoint here, else 0. Only read where ``wanted`` is not older."""
        for entry in sorted(entries_of(survey(self.local)), key=serial, reverse=True):
            path = self.local / entry["file"]
            if path.is_file() and (serial(entry) > wanted or entry["sha256"] in (None, sha256(path))):
                return serial(entry)
        return 0

    def _fetch_checkpoints(self, entries):
        """Copy the remote checkpoints, under names that nothing looks at yet -> (entries of the whole, names missed).

        What is here stays as it is until all is here: the ones on Drive may be older, or may not be whole.
        """
        self._drop_parts()
        good, missed = [], []
        for entry in sorted(entries, key=serial):
            whole = self._fetch_checkpoint(entry)
            (good if whole else missed).append(whole or entry["file"])
        return good, missed

    def _drop_parts(self):
        for name in files_of(self.local, parts=True):
            if name.endswith(PART):  # of a fetch that found nothing newer, or was killed
                remove(self.local / name)

    def _fetch_checkpoint(self, entry):
        """Fetch a checkpoint -> its entry, None if it is not whole.

        Where its renaming did not arrive its temporary name will do: its SHA-256 tells whether it is whole.
        """
        name, expected = entry["file"], entry["sha256"]
        if expected:
            names = [name]
            with suppress(OSError):
                names += [n for n in os.listdir(self.remote) if n.startswith(f".{name}.")]
            return entry if any(self._fetch_one(other, _hidden(name), expected) for other in names) else None
        # Without a manifest only reading it tells.
        digest = self._fetch_one(name, _hidden(name))
        try:
            meta = read_arrays(self.local / _hidden(name), "a checkpoint")[1]
            place = {key: meta["state"][key] for key in ("phase", "step")}
            return {"file": name, "sha256": digest, **place, "best": meta.get("best", False)}
        except (ColorizeError, KeyError):
            return None

    def _fetch_others(self):
        names = twice(files_of, self.remote, without=LEFT_HERE)
        names = [name for name in names if name != MANIFEST and not is_checkpoint(name)]
        return [name for name in names if not self._fetch_one(name, name)]

    def _fetch_one(self, remote_name, name, expected=None):
        """Copy a file from Drive -> its SHA-256, None if it is damaged or missing. OSError: the disk here is full."""
        try:
            digest = twice(copy_checked, self.remote / remote_name, self.local / name, expected)
        except Changed:
            return None
        except OSError as error:
            if is_full(error):
                raise
            return None
        self.there[name] = stamp(self.local / name)
        return digest

    def _adopt(self, manifest, good):
        """Give what was fetched its names, and last write the manifest of the checkpoints that are whole."""
        for entry in good:
            os.replace(self.local / _hidden(entry["file"]), self.local / entry["file"])
            self.there[entry["file"]] = stamp(self.local / entry["file"])
        whole = {entry["file"]: entry for entry in good}
        kept = [whole[entry["file"]] for entry in manifest["checkpoints"] if entry["file"] in whole]
        if manifest["best"]:
            best = whole.get(manifest["best"]["file"])
        else:  # without a manifest it is the newest that says so of itself
            best = next((entry for entry in reversed(good) if entry.get("best")), None)
        write_json(self.local / MANIFEST, {**manifest, "checkpoints": kept, "best": best})


def _hidden(name):
    """What a checkpoint is called here until all of its run is fetched."""
    return f".{name}.fetched{PART}"


def _missing(names):
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" (missing or damaged: {', '.join(names[:3])}{more})" if names else ""
