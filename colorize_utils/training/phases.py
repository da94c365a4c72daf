"""What a training is made of, as plain data: phases, the recipe that orders them, the preset of their sizes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BinsLoss:
    """How a phase with the step "bins" labels and weighs pixels (Zhang et al. 2016; distances in Lab units of ab).

    A pixel is labeled with its ``neighbors`` nearest bins by a Gaussian of width ``sigma`` (five in the paper, ten in
    the released code), and counts more the rarer its color: the prior, smoothed by a Gaussian of width ``smoothing``,
    is mixed with a uniform one of weight ``mixing`` (1: all pixels alike). Photos in which neither |a| nor |b| exceeds
    ``grey_below`` anywhere are left out of the loss (0: none is).
    """

    neighbors: int = 5
    sigma: float = 5.0
    smoothing: float = 5.0
    mixing: float = 0.5
    grey_below: float = 5.0


@dataclass(frozen=True)
class Phase:
    """One stage of training. ``step`` names a function of `steps.py`; ``trains`` says whose variables it changes.

    ``rate`` is the peak learning rate: a short linear warm-up, then ``schedule`` ("cosine" to zero, or "constant").
    The pretrained encoder learns at ``encoder_rate`` times that. ``ema`` is the decay of the averaged generator.
    ``chroma_weight`` w counts a pixel's error 1 + w C times, C being its true chroma in units of 110 over 0.15 (about
    the mean of photographs): less of an invitation to play safe (None: all pixels alike). ``part`` 1, 2 or 3 trains on
    one part of the photos only (see `data.batches.rows_of_part`). ``bins`` is for the step "bins",
    ``perceptual_weight``, ``meaning_weight`` (None: 0) and ``adversarial_weight`` for the step "perceptual". ``hinted``
    is the share of photos that have hints, for a network that takes them (None: half).
    """

    name: str
    step: str  # "regression", "critic", "adversarial", "perceptual", "pix2pix" or "bins"
    trains: str  # "decoder" or "all" of the generator
    epochs: int
    rate: float
    encoder_rate: float = 0.3
    schedule: str = "cosine"
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    beta_1: float = 0.9
    ema: float = 0.998
    l1_weight: float = 1.0
    perceptual_weight: float | None = None
    adversarial_weight: float | None = None
    critic_rate: float = 0.0
    chroma_weight: float | None = None
    beta_2: float | None = None
    part: int | None = None
    bins: BinsLoss | None = None
    hinted: float | None = None
    meaning_weight: float | None = None

    @property
    def has_critic(self):
        """Whether this phase trains a discriminator."""
        return self.step in ("critic", "adversarial", "pix2pix") or bool(self.adversarial_weight)


@dataclass(frozen=True)
class Recipe:
    """Networks (specs for `networks.build_network`) and the phases that train them, in order."""

    name: str
    generator: dict
    discriminator: dict | None
    phases: tuple[Phase, ...]


@dataclass(frozen=True)
class Preset:
    """Sizes and lengths.

    ``epochs`` has a number a phase (None: the recipe's); ``epoch_photos`` limits an epoch. A checkpoint is written
    after every ``save_epochs`` epochs and the last, every ``save_minutes`` and, if given, every ``save_steps``. A
    regression phase ends early when the validation error was no better for ``patience`` epochs (None: it goes on).
    ``zoom`` (low, high) enlarges and reduces the photos, see `data.batches.step_table` (None: neither).
    """

    name: str
    crop: int
    batch: int
    epochs: tuple[int, ...] | None = None
    epoch_photos: int | None = None
    val_photos: int | None = None
    precision: str = "float32"
    save_minutes: float = 10.0
    save_steps: int | None = None
    save_epochs: int = 1
    patience: int | None = None
    lightness: bool = True  # change the lightness of half of the photos, as in old prints
    zoom: tuple[float, float] | None = None
