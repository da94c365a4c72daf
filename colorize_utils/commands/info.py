"""The command `info`: say what a model file holds."""


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument("model", nargs="?", metavar="FILE", help="default: the model that comes with the package")


def main(args):
    """Do it. Returns the exit status, 0."""
    from ..inference.model_files import describe_model

    print(describe_model(args.model))
    return 0
