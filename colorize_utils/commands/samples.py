"""The command `samples`: write the sample photos, to try other commands on."""

from ..errors import ColorizeError
from ..guarding import add_overwrite, refuse_others
from ..terminal import shown


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--color", action="store_true", help="write them in color, to try `evaluate` and `prepare` on")
    add_overwrite(parser)


def main(args):
    """Do it. Returns the exit status, 0."""
    from ..data.sources import is_sample, sample_paths, write_samples
    from ..errors import reason
    from ..inference.folders import prepare_output

    if not args.folder:
        raise ColorizeError("expected a folder, got an empty name")
    for path in sample_paths(args.folder, args.color):
        refuse_others(path, is_sample, args.overwrite)
    prepare_output(args.folder)
    try:
        for path in write_samples(args.folder, args.color):
            print(shown(path))
    except BrokenPipeError:  # of our output; see `cli`
        raise
    except OSError as error:
        raise ColorizeError(f"{args.folder}: {reason(error)}", status=1) from None
    return 0
