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

from ..disk import PART, sha256
from ..errors import ColorizeError, is_full
from ..training.checkpoint import MANIFEST, entries_of, is_checkpoint, newest, read_manifest, survey
from .copies import Changed, copy_checked, files_of, mounted_at, reason, remove, stamp, twice, write_checked
from .fetch import LEFT_HERE, Fetch
from .identity import another_run


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
        self._passed = None  # a run on Drive whose newest checkpoint is above this number is not ours to replace
        self._behind = self._refused = None  # why, as text
        self._asked = self._closed = False
        self._wake, self._one_at_a_time, self._thread = threading.Condition(), threading.Lock(), None

    def fetch(self):
        """Copy the run from Drive if it is further there than here -> whether it was. Damaged files are passed over.

        Further is the one with the newer whole checkpoint. ColorizeError, and nothing touched, if Drive has another run
        than is here; or if it has one, and here is none, but no checkpoint of it can be read: to begin anew would be to
        lose it.
        """
        self._look_here()
        try:
            twice(self._reach)
            manifest = twice(survey, self.remote)
            why = twice(another_run, self.local, self.remote, manifest)
        except OSError as error:
            self._fail(reason(error))
            return False
        if why:
            line = f"expected a copy of {self.local} in {self.remote}, found {why}; nothing is changed"
            raise ColorizeError(f"{line}: mirror to another folder, or give that run's own folder", status=1)
        self._passed = max(self._passed, newest(manifest))
        try:
            return Fetch(self.local, self.remote, self._there, self.say).fetch(manifest)
        finally:
            self._list()

    def _look_here(self):
        if self._passed is None:
            self._passed = newest(survey(self.local))

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
        """False for another run on Drive, or one that is further: Drive was away when this one was begun, perhaps."""
        self._look_here()
        manifest = survey(self.remote)
        theirs, then = newest(manifest), "Start again to go on with that one"
        if why := another_run(self.local, self.remote, manifest):
            self._refused, then = why, f"To go on with that one move {self.local} away and start again"
        elif theirs > self._passed:
            self._refused = f"a run that is further is there, checkpoint {theirs}"
        if self._refused:
            self._behind = self._refused
            self.say(f"{self.remote} is left alone: {self._refused}. {then}")
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


def open_mirror(run, folder, say=print):
    """A `Mirror` of the folder ``run`` in ``folder``, for `training.loop.train`; None without a folder."""
    return Mirror(run, folder, say) if folder else None
