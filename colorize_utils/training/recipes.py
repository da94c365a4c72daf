"""The recipes and presets there are, and how one is found by its name and changed."""

import math
from dataclasses import replace

from ..errors import ColorizeError
from ..networks import stride_of
from .phases import BinsLoss, Phase, Preset, Recipe

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

# The same, with a critic that looks through MobileNetV2 and a loss in its features (`training/perceptual_step.py`): the
# absolute error is content with brown, and a critic that has to learn to see first asks for color anywhere. With
# attention at stride 16, so that one thing gets one color (saved_models/EXPERIMENTS.md, lines 18 and 19).
UNET_PROJECTED = Recipe(
    "unet-projected",
    generator={**UNET_GAN.generator, "attention": True},
    discriminator={"network": "projected", "backbone": "MobileNetV2", "weights": "imagenet", "width": 128},
    phases=(
        *UNET_GAN.phases[:2],
        replace(UNET_GAN.phases[2], critic_rate=4e-4),
        Phase(
            "gan",
            "perceptual",
            "all",
            epochs=4,
            rate=2e-4,
            critic_rate=4e-4,
            beta_1=0.5,
            l1_weight=10.0,
            perceptual_weight=3.0,
            adversarial_weight=0.6,
        ),
    ),
)

# The same network, asked with hints too: the colors of some pixels of each photo, often of none (`hint_feed`).
UNET_HINTED = replace(UNET_PROJECTED, name="unet-hinted", generator={**UNET_PROJECTED.generator, "hints": True})

# The same network with a palette of each photo's own colors, from which its pixels are mixed (`networks/queries.py`).
UNET_QUERIES = replace(UNET_PROJECTED, name="unet-queries", generator={**UNET_PROJECTED.generator, "queries": 48})

# The same four phases with networks so small that they train in seconds without pretrained weights: for tests, for the
# benchmark that kills and resumes, and for trying an idea.
TINY = Recipe(
    "tiny",
    generator={"network": "unet", "backbone": "Plain", "weights": None, "widths": (16, 16, 8, 8), "dropout": 0.2},
    discriminator={"network": "patchgan", "spectral": True, "width": 8},
    phases=UNET_GAN.phases,
)

# The project this one grew out of, as it was meant (pix2pix at 128 px; its training had three stages, one for each file
# of colors). Adam without decay, warm-up or averaging; the loss pix2pix has.
_PIX2PIX = Phase(
    "ab1",
    "pix2pix",
    "all",
    epochs=100,
    rate=2e-4,
    critic_rate=2e-4,
    beta_1=0.5,
    schedule="constant",
    warmup_steps=0,
    weight_decay=0.0,
    ema=0.0,
    l1_weight=100.0,
    part=1,
)
PIX2PIX = Recipe(
    "pix2pix",
    generator={"network": "pix2pix"},
    discriminator={"network": "patchgan"},
    phases=(
        _PIX2PIX,
        replace(_PIX2PIX, name="ab2", part=2, epochs=50),
        replace(_PIX2PIX, name="ab3", part=3, epochs=50),
    ),
)

# The U-Net and conditional GAN of M. Shariatnia's tutorial: 20 epochs of absolute error, then 20 with pix2pix's critic.
# Its ResNet18 is not in keras.applications, so the encoder is one that is; its BatchNorm stays as pretrained.
TUTORIAL = replace(
    UNET_GAN,
    discriminator={"network": "patchgan"},
    phases=(
        replace(_PIX2PIX, name="l1", step="regression", part=None, epochs=20, rate=1e-4, critic_rate=0.0, beta_1=0.9),
        replace(_PIX2PIX, name="gan", part=None, epochs=20),
    ),
)
TUTORIAL = replace(TUTORIAL, phases=tuple(replace(phase, encoder_rate=1.0) for phase in TUTORIAL.phases))

# Zhang et al. 2016 from scratch, with the first rate of their schedule; and their head on our U-Net.
ZHANG = Recipe(
    "zhang",
    generator={"network": "zhang", "grid": 10, "temperature": 0.38},
    discriminator=None,
    phases=(Phase("bins", "bins", "all", epochs=20, rate=3.16e-5, weight_decay=1e-3, beta_2=0.99, bins=BinsLoss()),),
)
UNET_BINS = Recipe(
    "unet-bins",
    generator={
        "network": "unet-bins",
        "backbone": "MobileNetV2",
        "weights": "imagenet",
        "grid": 10,
        "temperature": 0.38,
    },
    discriminator=None,
    phases=(
        Phase("decoder", "bins", "decoder", epochs=1, rate=1e-3, bins=BinsLoss()),
        Phase("unet", "bins", "all", epochs=20, rate=1e-3, bins=BinsLoss()),
    ),
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        UNET_GAN,
        UNET_PROJECTED,
        UNET_BINS,
        PIX2PIX,
        ZHANG,
        TINY,
        UNET_HINTED,
        UNET_QUERIES,
    )
}

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
        # Those whose recipes are `pix2pix` and `TUTORIAL`, with the lengths that stand there.
        Preset("predecessor", crop=128, batch=32, lightness=False),
        Preset("tutorial", crop=256, batch=16, lightness=False),
    )
}

# What can be set for a single phase by `train --set`.
TUNABLE = ("encoder_rate", "weight_decay", "beta_1", "ema", "l1_weight", "perceptual_weight", "meaning_weight",
           "adversarial_weight", "critic_rate", "hinted")  # fmt: skip
# Which of the project's steps look at a setting, where not all do. A reader's own step may look at any.
KNOWN_STEPS = ("regression", "critic", "adversarial", "perceptual", "pix2pix", "bins")
LOOKED_AT_BY = {
    "l1_weight": ("adversarial", "perceptual", "pix2pix"),
    "critic_rate": ("critic", "adversarial", "perceptual", "pix2pix"),
    **dict.fromkeys(("perceptual_weight", "meaning_weight", "adversarial_weight"), ("perceptual",)),
}

# The epochs of a preset are for recipes of four phases; these are for others. Else a recipe's own lengths hold.
LENGTHS = {
    ("smoke", "pix2pix"): (1, 1, 1),
    ("smoke", "zhang"): (1,),
    ("smoke", "unet-bins"): (1, 2),
    ("cpu", "pix2pix"): (4, 2, 2),
    ("cpu", "zhang"): (9,),
    ("cpu", "unet-bins"): (1, 8),
}


def _find(name, preset):
    """The `Recipe` of that name (one that a reader made is taken as it is) as the preset of that name has it."""
    if isinstance(name, Recipe):
        return name
    if name not in RECIPES:
        raise ColorizeError(f"expected a recipe out of {', '.join(RECIPES)}, got {name!r}")
    return TUTORIAL if (name, preset) == ("unet-gan", "tutorial") else RECIPES[name]


def get_recipe(
    name,
    preset,
    backbone_weights="imagenet",
    epochs=None,
    rates=None,
    chroma_weights=None,
    backbone=None,
    settings=None,
):
    """The recipe ``name`` with the encoder's weights filled in, and a number of epochs and a rate for each phase.

    name: a key of RECIPES, or a `Recipe` of one's own. epochs, rates, chroma_weights: a number a phase, in the phases'
    order; by default the preset's epochs, else the recipe's, and the recipe's rates and weights. backbone_weights:
    "imagenet", a path, or None, for an encoder without any. backbone: another encoder, a key of
    `networks.unet.BACKBONES`. settings: "PHASE.SETTING" -> number, for `TUNABLE` settings of single phases.
    ColorizeError if one of these does not fit the recipe.
    """
    recipe = _find(name, preset.name)
    phases = list(recipe.phases)
    for field, values in (("epochs", epochs or preset.epochs), ("rate", rates), ("chroma_weight", chroma_weights)):
        if values:
            phases = _with_numbers(phases, field, values)
    phases = _with_settings(phases, settings or {}, hints=bool(recipe.generator.get("hints")))
    generator = _with_backbone(recipe, backbone)
    discriminator = recipe.discriminator and dict(recipe.discriminator)
    if "weights" in generator:
        generator["weights"] = backbone_weights
    if discriminator and "weights" in discriminator:  # it looks through the generator's encoder, as pretrained
        discriminator |= {"backbone": generator["backbone"], "weights": backbone_weights}
    recipe = replace(recipe, phases=tuple(phases), generator=generator, discriminator=discriminator)
    check_crop(recipe, preset)
    return recipe


def check_crop(recipe, preset):
    """ColorizeError if the recipe's network cannot take crops of the preset's size."""
    stride = stride_of(recipe.generator)
    if preset.crop % stride:
        raise ColorizeError(
            f"expected a crop that is a multiple of {stride} for the recipe {recipe.name}, got {preset.crop}: its "
            f"network halves the picture until {stride} pixels have become one"
        )


def _usable(value):
    return value >= 0 and math.isfinite(value)


def _with_numbers(phases, field, values):
    """The phases with ``field`` set, one number each."""
    if len(values) != len(phases) or not all(_usable(value) for value in values):
        wanted = ", ".join(phase.name for phase in phases)
        raise ColorizeError(f"expected {len(phases)} numbers as {field}, one a phase ({wanted}), got {list(values)}")
    return [replace(phase, **{field: value}) for phase, value in zip(phases, values, strict=True)]


def _with_settings(phases, settings, hints):
    """The phases with ``settings`` ("PHASE.SETTING" -> number) set. hints: whether the network takes any."""
    phases = {phase.name: phase for phase in phases}
    for key, value in settings.items():
        name, _, field = key.partition(".")
        if name not in phases or field not in TUNABLE:
            wanted = f"PHASE.SETTING with a phase out of {', '.join(phases)} and a setting out of {', '.join(TUNABLE)}"
            raise ColorizeError(f"expected {wanted}, got {key!r}")
        if not _usable(value):
            raise ColorizeError(f"expected a number of 0 or more for {key}, got {value}")
        steps = LOOKED_AT_BY.get(field, KNOWN_STEPS)
        if phases[name].step in KNOWN_STEPS and phases[name].step not in steps:
            fitting = " or ".join(f"{phase.name}.{field}" for phase in phases.values() if phase.step in steps)
            wanted = fitting or f"a recipe with a phase that looks at {field}"
            raise ColorizeError(f"expected {wanted}, got {key}: the phase {name} does not look at it")
        if field == "hinted" and not hints:
            raise ColorizeError(f"expected a recipe whose network takes hints, as unet-hinted, for {key}")
        if field == "hinted" and value > 1:
            raise ColorizeError(f"expected a share of the photos, 0 to 1, for {key}, got {value}")
        phases[name] = replace(phases[name], **{field: value})
    return list(phases.values())


def _with_backbone(recipe, backbone):
    generator = dict(recipe.generator)
    if backbone:
        from ..networks.unet import BACKBONES

        if "backbone" not in generator:
            raise ColorizeError(f"expected a backbone only for recipes with an encoder, and {recipe.name} has none")
        if backbone not in BACKBONES:
            raise ColorizeError(f"expected a backbone out of {', '.join(BACKBONES)}, got {backbone!r}")
        generator["backbone"] = backbone
    return generator


def get_preset(name, recipe="unet-gan", **changes):
    """The preset ``name`` for a recipe, with fields changed where ``changes`` gives a value that is not None.

    Its precision is half of float32's only where a GPU does the work: a processor emulates that, many times slower.
    Its lengths are left to the recipe where they are of another number of phases, and its crop is enlarged to what the
    recipe's network can take (128 for `pix2pix`).
    """
    if name not in PRESETS:
        raise ColorizeError(f"expected a preset out of {', '.join(PRESETS)}, got {name!r}")
    preset, recipe = PRESETS[name], _find(recipe, name)
    if preset.precision != "float32" and not _on_accelerator():
        preset = replace(preset, precision="float32")
    if preset.epochs and len(preset.epochs) != len(recipe.phases):
        preset = replace(preset, epochs=LENGTHS.get((name, recipe.name)))
    stride = stride_of(recipe.generator)
    preset = replace(preset, crop=-(-preset.crop // stride) * stride)
    return replace(preset, **{k: v for k, v in changes.items() if v is not None})


def _on_accelerator():
    from .backend import on_accelerator

    return on_accelerator()
