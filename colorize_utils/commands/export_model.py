"""The command `export-model`: take the model out of a training run, as one .h5 file."""

from functools import partial
from pathlib import Path

from ..guarding import add_overwrite, refuse_others
from ..terminal import decimal, number, quietly_import_keras, shown


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument(
        "sources", metavar="RUN", nargs="+", help="a run's folder or a model file; of several, the mean"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="for instance colorizer.h5")
    parser.add_argument("--name", default="colorizer", help="the model's name (default: %(default)s)")
    parser.add_argument("--model-version", default="0", metavar="TEXT", help="the model's version")
    parser.add_argument(
        "--working-size", type=number(32, 2048), metavar="N", help="short side of the copy the model sees"
    )
    parser.add_argument(
        "--smallest-size",
        type=number(32, 2048),
        metavar="N",
        help="short side to which photos are enlarged that are smaller (default: --working-size)",
    )
    parser.add_argument(
        "--strength", type=decimal(0.1, 1.5), metavar="X", help="multiply the colors that the model gives, as by 0.9"
    )
    parser.add_argument(
        "--sharpening",
        type=decimal(0, 4),
        metavar="X",
        help="sharpen the colors that the model gives, as by 1; 0: do not",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="a prepared set: on photos of it the statistics of normalization are measured anew, which a mean lacks",
    )
    add_overwrite(parser)


def main(args):
    """Do it. Returns the exit status, 0."""
    from ..inference.model_files import export_model, is_note, is_noted

    refuse_others(args.output, is_noted, args.overwrite)
    refuse_others(Path(args.output).with_suffix(".sha256"), is_note, args.overwrite)
    quietly_import_keras()
    sizes, change = (args.working_size, args.smallest_size), _change(args.data, args.strength)
    digest = export_model(args.sources, args.output, args.name, args.model_version, sizes, change, args.sharpening)
    print(f"{shown(args.output)}: SHA-256 {digest}")
    return 0


def _change(folder, strength):
    """What is done with the network before it is written. A folder that is no prepared set is refused at once."""
    steps = []
    if folder:
        from ..data.batches import PreparedSet
        from ..training.refit import refit_on

        PreparedSet.open(folder)
        steps.append(partial(refit_on, folder=folder))
    if strength:
        from ..networks import strengthen

        steps.append(partial(strengthen, factor=strength))

    def change(network):
        for step in steps:
            step(network)

    return change
