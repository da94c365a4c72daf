"""A run's copy in another folder, on Google Drive say: made while training goes on, fetched when the run is lost here.

A mounted Drive is a folder that fails: it goes away and comes back, fills up, and uploads in its own order, so that
after a disconnect the newest files may be cut short or missing although others that were written later are there. So
nothing is trusted that was not read back, every file is first whole under another name, the manifest comes last, and
what it no longer names is removed only one mirroring later.
"""

import errno
import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from ..disk import PART, sha256, write_json
from ..errors import ColorizeError, is_full
from ..training.checkpoint import MANIFEST, entries_of, is_checkpoint, newest, newest_of, read_manifest, serial, survey
from ..weights import read_arrays
from .copies import Changed, copy_checked, files_of, mounted_at, reason, remove, stamp, write_checked

LEFT_HERE = ("lock", "tensorboard")  # the process's own, and logs that are written anew at each start


class Mirror:
    """Keeps ``remote`` equal to the run folder ``local``; ``say`` is called with one line when a person should know.

    `fetch` before the run is opened, `push` whenever something was written, `close` at the end. Neither `push` nor
    `close` ever raises or stops a training: while Drive is away that is said once, and all is copied when it is back.
    """

    def __init__(self, local, remote, say=print):
        self.local, self.remote, self.say = Path(local), Path(remote), say
        here, there = Path(os.path.realpath(local)), Path(os.path.realpath(remote))
        if here == there or here in there.parents or there in here.parents:
            raise ColorizeError(f"expected a folder apart from the run {self.local} to mirror it to, got {self.remote}")
        self._mount = mounted_at(self.remote)
        self._there = {}  # name -> stamp of the local file whose content Drive is known to have
        self._seen = set()  # what was here once: if it is gone now, training removed it
        self._unnamed = set()  # checkpoints on Drive that the last manifest did not name any more
        self._passed = newest(survey(self.local))  # a run on Drive that is further than this is not ours to replace
        self._behind = self._refused = None  # why, as text
        self._asked = self._closed = False
        self._wake, self._one_at_a_time, self._thread = threading.Condition(), threading.Lock(), None

    # From Drive to here.

    def fetch(self):
        """Copy the run from Drive if it is further there than here -> whether it was. Damaged files are passed over.

        Further is the one with the newer whole checkpoint. ColorizeError if Drive has a run, and here is none, but no
        checkpoint of it can be read: to begin anew would be to lose it.
        """
        try:
            _twice(self._reach)
            manifest = _twice(survey, self.remote)
        except OSError as error:
            self._fail(reason(error))
            return False
        self._passed = max(self._passed, newest(manifest))
        here = self._newest_whole(newest(manifest))
        if newest(manifest) <= here:
            self._list()
            return False
        try:
            good, missed = self._fetch_checkpoints(entries_of(manifest))
            if newest_of(good) > here:
                missed += self._fetch_others()
                self._adopt(manifest, good)
                self._list()
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
        self._list()
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
        names = _twice(files_of, self.remote, without=LEFT_HERE)
        names = [name for name in names if name != MANIFEST and not is_checkpoint(name)]
        return [name for name in names if not self._fetch_one(name, name)]

    def _fetch_one(self, remote_name, name, expected=None):
        """Copy a file from Drive -> its SHA-256, None if it is damaged or missing. OSError: the disk here is full."""
        try:
            digest = _twice(copy_checked, self.remote / remote_name, self.local / name, expected)
        except Changed:
            return None
        except OSError as error:
            if is_full(error):
                raise
            return None
        self._there[name] = stamp(self.local / name)
        return digest

    def _adopt(self, manifest, good):
        """Give what was fetched its names, and last write the manifest of the checkpoints that are whole."""
        for entry in good:
            os.replace(self.local / _hidden(entry["file"]), self.local / entry["file"])
            self._there[entry["file"]] = stamp(self.local / entry["file"])
        whole = {entry["file"]: entry for entry in good}
        kept = [whole[entry["file"]] for entry in manifest["checkpoints"] if entry["file"] in whole]
        if manifest["best"]:
            best = whole.get(manifest["best"]["file"])
        else:  # without a manifest it is the newest that says so of itself
            best = next((entry for entry in reversed(good) if entry.get("best")), None)
        write_json(self.local / MANIFEST, {**manifest, "checkpoints": kept, "best": best})

    # From here to Drive.

    def push(self):
        """Ask for a mirroring; another thread does it. Returns at once. Several requests may become one."""
        with self._wake:
            if self._closed:
                return
            self._asked = True
            if self._thread is None:
                # A daemon: where a mounted Drive hangs its thread hangs too, and the program must be able to end.
                self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def close(self, seconds=300.0):
        """Mirror a last time and wait for it, at most ``seconds``. Says a line if Drive does not have everything."""
        self.push()
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        self._thread.join(seconds)
        why = "it takes too long" if self._thread.is_alive() else self._behind
        if why:
            self.say(f"{self.remote} is behind ({why}): what was trained last is only in {self.local}")

    def _work(self):
        while True:
            with self._wake:
                while not self._asked and not self._closed:
                    self._wake.wait()
                if not self._asked:
                    return
                self._asked = False
            self.sync()

    def sync(self):
        """Mirror now, in the thread that asks -> whether Drive has everything. Never raises."""
        with self._one_at_a_time:
            if self._refused:
                return False
            try:
                self._reach()
                if not self._may_replace():
                    return False
                self._mirror()
            except Changed:
                return False  # training saves faster than Drive takes it; the save that came between asks again
            except Exception as error:  # noqa: BLE001  (whatever it is, training is worth more)
                self._fail(reason(error))
                return False
            if self._behind:
                self._behind = None
                self.say(f"{self.remote} has caught up")
            return True

    def _fail(self, why):
        first, self._behind = self._behind is None, why
        if first:
            self.say(f"{self.remote} cannot be used now ({why}): training stays here until it can")

    def _reach(self):
        """OSError if the folder that Drive is mounted in is not there: making it would only fill the local disk."""
        try:
            os.stat(self._mount)
        except FileNotFoundError:
            raise OSError(errno.ENOENT, f"{self._mount} is not there") from None

    def _may_replace(self):
        """False for a run on Drive that is further and was not looked at, because Drive was away at the start."""
        theirs = newest(survey(self.remote))
        if theirs > self._passed:
            self._refused = self._behind = f"a run that is further is there, checkpoint {theirs}"
            self.say(f"{self.remote} is left alone: {self._refused}. Start again to go on with that one")
        return not self._refused

    def _mirror(self):
        damaged, before = set(), None
        for _ in range(6):
            try:
                return self._copy_all(damaged)
            except Changed as error:
                # The same file, and wrong again: not training changed it but the disk. What Drive has is better.
                name = str(error)
                now = name, stamp(self.local / name)
                if now == before:
                    damaged.add(name)
                before = now
            except OSError as error:
                if not is_full(error) or not self._make_room():
                    raise
        raise Changed

    def _copy_all(self, damaged):
        names, manifest = self._list()
        expected = {entry["file"]: entry["sha256"] for entry in entries_of(manifest)}
        self._passed = max(self._passed, newest(manifest))
        for name in sorted(names - damaged, key=lambda name: (name in expected, name)):
            now = stamp(self.local / name)
            if not self._has(name, now, expected.get(name)):
                try:
                    copy_checked(self.local / name, self.remote / name, expected.get(name))
                except Changed:
                    raise Changed(name) from None
                self._there[name] = now
        if expected:
            self._write_manifest(manifest, damaged)
            self._tidy(names)

    def _has(self, name, now, expected):
        """Whether Drive has the content of a file with the stamp ``now``. Read there once, remembered after that."""
        path = self.remote / name
        found = stamp(path)
        if found is None or (now is None and not expected):
            return False
        if now and self._there.get(name) == now and found[0] == now[0]:
            return True
        if not expected and found[0] != now[0]:
            return False
        try:
            same = sha256(path) == (expected or sha256(self.local / name))
        except FileNotFoundError:
            return False
        if same:
            self._there[name] = now
        return same

    def _write_manifest(self, manifest, damaged):
        kept = [entry for entry in manifest["checkpoints"] if entry["file"] not in damaged]
        best = manifest["best"] if manifest["best"] and manifest["best"]["file"] not in damaged else None
        manifest = {**manifest, "checkpoints": kept, "best": best}
        if not kept:
            raise OSError(errno.EIO, f"no checkpoint in {self.local} is whole")
        for entry in entries_of(manifest):
            os.stat(self.remote / entry["file"])  # OSError if it is not there after all
        text = json.dumps(manifest, indent=1).encode()
        with suppress(FileNotFoundError), open(self.remote / MANIFEST, "rb") as file:
            if file.read() == text:
                return
        write_checked(self.remote / MANIFEST, text)

    def _tidy(self, names):
        """Remove from Drive what training removed here, and temporary files that were left behind.

        Checkpoints go one mirroring after the manifest that named them last: Drive uploads in its own order, and their
        removal may arrive where the files that replace them do not.
        """
        surplus = {name for name in files_of(self.remote, parts=True) if name not in names and name != MANIFEST}
        unnamed = {name for name in surplus if is_checkpoint(name)}
        removed = {name for name in surplus - unnamed if name in self._seen or name.endswith(PART)}
        for name in removed | (unnamed & self._unnamed):
            remove(self.remote / name)
            self._there.pop(name, None)
        self._unnamed = unnamed

    def _make_room(self):
        """On a full Drive: remove temporary files and checkpoints that its own manifest does not name -> whether any.

        Without a manifest there every checkpoint may be the one that is needed.
        """
        named = {entry["file"] for entry in entries_of(read_manifest(self.remote / MANIFEST))}
        surplus = [
            name
            for name in files_of(self.remote, parts=True)
            if name.endswith(PART) or (named and is_checkpoint(name) and name not in named)
        ]
        for name in surplus:
            remove(self.remote / name)
        return bool(surplus)

    def _list(self):
        """What is to be on Drive: (names, the manifest of this moment or None)."""
        manifest = read_manifest(self.local / MANIFEST)
        names = {n for n in files_of(self.local, without=LEFT_HERE) if n != MANIFEST and not is_checkpoint(n)}
        names |= {entry["file"] for entry in entries_of(manifest)}
        self._seen |= names
        return names, manifest


def _twice(function, *args, **kwargs):
    """Call a function, and once more if Drive stumbled; what is lost for good is so the second time too."""
    try:
        return function(*args, **kwargs)
    except OSError as error:
        if is_full(error):
            raise
        return function(*args, **kwargs)


def _hidden(name):
    """What a checkpoint is called here until all of its run is fetched."""
    return f".{name}.fetched{PART}"


def _missing(names):
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f" (missing or damaged: {', '.join(names[:3])}{more})" if names else ""


def open_mirror(run, folder, say=print):
    """A `Mirror` of the folder ``run`` in ``folder``, fetched from there if it is further; None without a folder."""
    if not folder:
        return None
    mirror = Mirror(run, folder, say)
    mirror.fetch()
    return mirror
