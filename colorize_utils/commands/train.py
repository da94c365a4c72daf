"""The command `train`: a recipe on a prepared set, begun or gone on with."""

from argparse import BooleanOptionalAction

from ..errors import ColorizeError
from ..terminal import number, quietly_import_keras

# Arguments by what they change: fields of `training.phases.Preset`, and of `training.run.Options`.
SIZES = ("crop", "batch", "epoch_photos", "save_minutes", "save_steps", "save_epochs", "patience", "precision")
OPTIONS = (
    "initial",
    "teachers",
    "again",
    "accept_changes",
    "seed",
    "deterministic",
    "devices",
    "stop_when_full",
    "tensorboard",
)


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    add = parser.add_argument
    add("--recipe", default="unet-gan", metavar="NAME", help="what to train (default: %(default)s)")
    add("--preset", default="colab", metavar="NAME", help="sizes and lengths (default: %(default)s)")
    add("--data", required=True, metavar="DIR", help="a prepared set")
    add("--run", required=True, metavar="DIR", dest="folder", help="folder of the run; resumes by itself")
    _what_is_learned(add)
    _which_part(add)
    _on_which_machine(add)
    _sizes(add)


def _what_is_learned(add):
    add("--backbone", metavar="NAME", help="another encoder: EfficientNetB0, EfficientNetV2B0, ResNet50V2")
    add("--backbone-weights", default="imagenet", metavar="FILE", help="imagenet, a file, or none")
    add("--initial", metavar="FILE", help="a model file to start from")
    add("--teacher", action="append", default=[], metavar="FILE", dest="teachers",
        help="a model file; phases of regression learn the mean answer of these; repeatable")  # fmt: skip
    add("--epochs", type=number(0), nargs="+", metavar="N", help="one number a phase")
    add("--rates", type=float, nargs="+", metavar="R", help="learning rates, one a phase")
    add("--chroma-weights", type=float, nargs="+", metavar="W", help="colorful pixels count more")
    add("--set", action="append", default=[], metavar="PHASE.SETTING=X", dest="settings",
        help="a setting of one phase, such as gan.adversarial_weight=0.4; repeatable")  # fmt: skip


def _which_part(add):
    add("--until", metavar="PHASE", help="stop after this phase; a later call goes on")
    add("--again", metavar="PHASE", help="train a phase again, and those behind it; ask once")
    add("--longer", nargs=2, metavar=("PHASE", "N"), help="N epochs more of a finished phase; ask once")
    add("--accept-changes", action="store_true", help="go on with settings other than the run's")
    add("--mirror", metavar="DIR", help="keep a copy of the run there, and fetch it if it is lost here")
    add("--tensorboard", action="store_true", help="write logs for TensorBoard to RUN/tensorboard")
    add("--stop-when-full", action="store_true", help="end when the disk is full (default: say it, go on)")


def _on_which_machine(add):
    add("--deterministic", action=BooleanOptionalAction, default=True,
        help="on a CPU, two runs are equal bit for bit (default: yes)")  # fmt: skip
    add("--devices", type=_devices, default=1, metavar="N", help="GPUs or TPU cores to use, or all (JAX)")
    add("--precision", choices=("float32", "mixed_bfloat16", "mixed_float16"))
    add("--seed", type=number(0), default=0, metavar="N")


def _sizes(add):
    add("--crop", type=number(32, 1024), metavar="N")
    add("--batch", type=number(1), metavar="N")
    add("--epoch-photos", type=number(1), metavar="N", help="photos in an epoch (default: all)")
    add("--save-minutes", type=float, metavar="M", help="minutes between two checkpoints")
    add("--save-steps", type=number(1), metavar="N", help="and a checkpoint every N steps")
    add("--save-epochs", type=number(1), metavar="N", help="a checkpoint every N epochs (default: 1)")
    add("--zoom", type=float, nargs=2, metavar=("LOW", "HIGH"), help="enlarge and reduce the photos")
    add("--patience", type=number(1), metavar="N", help="end a phase after N epochs that were no better")


def main(args):
    """Train as ``args`` says. Returns the exit status: 0, or 130 if it was stopped and can go on."""
    quietly_import_keras()
    from ..drive.mirror import open_mirror
    from ..training.loop import train
    from ..training.recipes import get_preset
    from ..training.run import Options

    changed = {name: getattr(args, name) for name in SIZES}
    preset = get_preset(args.preset, args.recipe, zoom=tuple(args.zoom) if args.zoom else None, **changed)
    options = Options(longer=_longer(args.longer), **{name: getattr(args, name) for name in OPTIONS})
    recipe, mirror = _recipe(args, preset), open_mirror(args.folder, args.mirror)
    state = train(recipe, preset, args.data, args.folder, until=args.until, mirror=mirror, options=options)
    return 130 if state.stopped else 0


def _recipe(args, preset):
    from ..training.recipes import get_recipe

    return get_recipe(
        args.recipe,
        preset,
        backbone_weights=None if args.backbone_weights == "none" else args.backbone_weights,
        epochs=args.epochs and tuple(args.epochs),
        rates=args.rates and tuple(args.rates),
        chroma_weights=args.chroma_weights and tuple(args.chroma_weights),
        backbone=args.backbone,
        settings=_settings(args.settings),
    )


def _devices(text):
    """An argparse type: "all", or a number from 1."""
    return text if text == "all" else number(1)(text)


def _settings(words):
    found = {}
    for word in words:
        key, _, value = word.partition("=")
        try:
            found[key] = float(value)
        except ValueError:
            raise ColorizeError(f"expected --set PHASE.SETTING=NUMBER, got {word}") from None
    return found


def _longer(words):
    if words is None:
        return None
    if not words[1].isdecimal():
        raise ColorizeError(f"expected --longer PHASE and a number of epochs, got {words[1]!r}")
    return words[0], int(words[1])
