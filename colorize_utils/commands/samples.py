"""The command `samples`: write the sample photos, to try other commands on."""

from ..errors import ColorizeError


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--color", action="store_true", help="write them in color, to try `evaluate` and `prepare` on")


def main(args):
    """Do it. Returns the exit status, 0."""
    from ..data.sources import write_samples
    from ..errors import reason
    from ..inference.folders import prepare_output

    prepare_output(args.folder)
    try:
        for path in write_samples(args.folder, args.color):
            print(path)
    except OSError as error:
        raise ColorizeError(f"{args.folder}: {reason(error)}", status=1) from None
    return 0
