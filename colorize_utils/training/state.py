"""Where a run stands: all that a checkpoint has to know beside the weights."""

import hashlib
import math
import secrets
from dataclasses import asdict, dataclass, field, fields

import numpy as np


@dataclass
class State:
    """Where a run stands, as of a step. Counts are since the run began, unless it says "of this phase"."""

    run: str = field(default_factory=lambda: secrets.token_hex(8))  # the run's identity, drawn when it begins
    settings: str | None = None  # `settings.settings_key` of what it was trained with last
    photos_digest: str | None = None  # of the prepared set it was trained on last, see `data.digests`
    phase: int = 0
    epoch: int = 0  # how many of this phase are done
    step: int = 0  # of this phase
    began: int = 0  # the epoch at which the optimizers of this phase began: not 0 if it is continued longer
    done: bool = False  # this phase
    longer: dict = field(default_factory=dict)  # phase name -> epochs that were asked for later
    aside: int | None = None  # number of the first phase whose earlier outputs are still to be moved away
    images: int = 0  # photos seen
    photos: str = ""  # a running digest of the photos seen, in their order
    seconds: float = 0.0  # of training
    pace: float = 0.0  # seconds an image
    best: float | None = None  # the smallest validation error of this phase
    stale: int = 0  # epochs without a better validation error
    better: bool = False  # whether an epoch since the last one that ended with a checkpoint had one
    sums: dict = field(default_factory=dict)  # metric -> its sum over the steps of this epoch; "steps" is their number
    history: list = field(default_factory=list)  # a dict an epoch, as in history.csv
    finished: bool = False  # all phases are trained
    stopped: bool = False  # the last call was interrupted

    def to_json(self):
        """What a checkpoint holds of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored):
        """A state out of a checkpoint: what a version did not know yet is as in a new run, what it is too new for goes.

        So a run that is older than identities is given one.
        """
        known = {f.name for f in fields(cls)}
        state = cls(**{key: value for key, value in stored.items() if key in known})
        if state.best is not None and not math.isfinite(state.best):  # before 0.7.0 it could become NaN
            state.best = None
        return state

    def begin_phase(self, index, name, epoch, step, done):
        """Stand at the beginning of phase ``index``, or behind its ``epoch`` epochs and ``step`` steps."""
        self.phase, self.epoch, self.step, self.began, self.done = index, epoch, step, epoch, done
        self.sums, self.stale = {}, 0
        self.best = min((row["val_l1"] for row in self.history if row["phase"] == name), default=None)

    def count_step(self, ids):
        """Count a step that saw the photos with these numbers."""
        self.step += 1
        self.images += len(ids)
        seen = np.asarray(ids, np.int64).tobytes()
        self.photos = hashlib.sha256(bytes.fromhex(self.photos) + seen).hexdigest()

    def add_metrics(self, metrics):
        """Add a step's metrics, name -> float, to those of its epoch."""
        for name, value in metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.sums["steps"] = self.sums.get("steps", 0) + 1

    def means(self):
        """The means of the metrics over the steps of this epoch so far: name -> float."""
        n = max(1, self.sums.get("steps", 0))
        return {name: total / n for name, total in self.sums.items() if name != "steps"}
