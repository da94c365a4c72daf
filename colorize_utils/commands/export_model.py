"""The command `export-model`: take the model out of a training run, as one .h5 file."""

from ..terminal import number, quietly_import_keras


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


def main(args):
    """Do it. Returns the exit status, 0."""
    quietly_import_keras()
    from ..inference.model_files import export_model

    digest = export_model(args.sources, args.output, args.name, args.model_version, args.working_size)
    print(f"{args.output}: SHA-256 {digest}")
    return 0
