"""What to train: a recipe is networks and phases, a preset is sizes and lengths. Both are plain data."""

from dataclasses import asdict, dataclass, replace

from ..errors import ColorizeError


@dataclass(frozen=True)
class Phase:
    """One stage of training. ``step`` names a function of `steps.py`; ``trains`` says whose variables it changes.

    ``rate`` is the peak learning rate: a short linear warm-up, then ``schedule`` ("cosine" to zero, or "constant").
    The pretrained encoder learns at ``encoder_rate`` times that. ``ema`` is the decay of the averaged generator.
    ``chroma_weight`` w counts a pixel's error 1 + w C times, C being its true chroma in units of 110 over 0.15 (about
    the mean of photographs): less of an invitation to play safe (None: all pixels alike).
    """

    name: str
    step: str  # "regression", "critic" or "adversarial"
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
    critic_rate: float = 0.0
    chroma_weight: float | None = None


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
    after every epoch, every ``save_minutes`` and, if given, every ``save_steps``. A regression phase ends early when
    the validation error was no better for ``patience`` epochs (None: it goes on).
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
    patience: int | None = None
    lightness: bool = True  # change the lightness of half of the photos, as in old prints


UNET_GAN = Recipe(
    "unet-gan",
    generator={"network": "unet", "backbone": "MobileNetV2", "weights": "imagenet"},
    discriminator={"network": "patchgan", "spectral": True},
    phases=(
        Phase("decoder", "regression", "decoder", epochs=1, rate=1e-3),
        Phase("unet", "regression", "all", epochs=20, rate=1e-3),
        Phase("critic", "critic", "all", epochs=1, rate=0.0, critic_rate=2e-4, beta_1=0.5, schedule="constant"),
        Phase(
            "gan",
            "adversarial",
            "all",
            epochs=2,
            rate=5e-5,
            critic_rate=2e-4,
            beta_1=0.5,
            schedule="constant",
            l1_weight=100.0,
            weight_decay=0.0,
        ),
    ),
)

# The same four phases with networks so small that they train in seconds without pretrained weights: for tests, for the
# benchmark that kills and resumes, and for trying an idea.
TINY = Recipe(
    "tiny",
    generator={"network": "unet", "backbone": "Plain", "weights": None, "widths": (16, 16, 8, 8), "dropout": 0.2},
    discriminator={"network": "patchgan", "spectral": True, "width": 8},
    phases=UNET_GAN.phases,
)

RECIPES = {recipe.name: recipe for recipe in (UNET_GAN, TINY)}

PRESETS = {
    preset.name: preset
    for preset in (
        # Minutes on two cores: every phase really runs, nothing is learned. For tests and for reading the notebooks.
        Preset("smoke", crop=64, batch=8, epochs=(1, 2, 1, 1), epoch_photos=64, val_photos=16),
        # What the shipped model was trained with on two CPU cores.
        Preset("cpu", crop=96, batch=32, epochs=(1, 8, 1, 1), val_photos=768),
        # A free Colab GPU, a few hours.
        Preset("colab", crop=128, batch=32, epochs=(1, 20, 1, 2), precision="mixed_float16"),
        Preset("full", crop=128, batch=64, epochs=(2, 60, 1, 3), precision="mixed_bfloat16"),
    )
}


def get_recipe(name, preset, backbone_weights=None, epochs=None, rates=None, chroma_weights=None):
    """The recipe ``name`` with the encoder's weights filled in, and a number of epochs and a rate for each phase.

    epochs, rates, chroma_weights: a number a phase, in the phases' order; by default the preset's epochs, else the
    recipe's, and the recipe's rates and weights.
    """
    if name not in RECIPES:
        raise ColorizeError(f"expected a recipe out of {', '.join(RECIPES)}, got {name!r}")
    recipe = RECIPES[name]
    chosen = {
        "epochs": epochs or preset.epochs,
        "rate": rates,
        "chroma_weight": chroma_weights,
    }
    phases = list(recipe.phases)
    for field, values in chosen.items():
        if not values:
            continue
        if len(values) != len(phases) or any(value < 0 for value in values):
            wanted = ", ".join(phase.name for phase in phases)
            raise ColorizeError(
                f"expected {len(phases)} numbers as {field}, one a phase ({wanted}), got {list(values)}"
            )
        phases = [replace(phase, **{field: value}) for phase, value in zip(phases, values, strict=True)]
    generator = dict(recipe.generator)
    if "weights" in generator:
        generator["weights"] = backbone_weights
    return replace(recipe, phases=tuple(phases), generator=generator)


def get_preset(name, **changes):
    """The preset ``name``, with fields changed where ``changes`` gives a value that is not None."""
    if name not in PRESETS:
        raise ColorizeError(f"expected a preset out of {', '.join(PRESETS)}, got {name!r}")
    return replace(PRESETS[name], **{k: v for k, v in changes.items() if v is not None})


def describe(recipe, preset, seed):
    """Recipe, preset and seed as one JSON-able dict: what a run is, for its settings file and its hash."""
    described = asdict(recipe)
    # Where the encoder's weights came from matters once, at the start: a resumed run reads its own checkpoint.
    described["generator"] = {k: v for k, v in described["generator"].items() if k != "weights"}
    return {"recipe": described, "preset": asdict(preset), "seed": seed}
