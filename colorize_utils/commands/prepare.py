"""The command `prepare`: make a set to train on out of photos."""

from ..errors import ColorizeError
from ..terminal import decimal, number, shown


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument(
        "--source", metavar="KIND", help="photos, samples, kaggle (the original project's set) or kaggle:OWNER/NAME"
    )
    parser.add_argument("--input", metavar="DIR", help="folder of photos or of the Kaggle set (else kagglehub gets it)")
    parser.add_argument("--part", type=int, choices=(1, 2, 3), help="one part of the Kaggle set only")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the prepared set")
    parser.add_argument(
        "--check", action="store_true", help="only read the prepared set whole, and say if anything in it changed"
    )
    parser.add_argument("--height", type=number(32, 2048), default=144, metavar="N")
    parser.add_argument("--width", type=number(32, 2048), default=192, metavar="N")
    parser.add_argument("--fit", choices=("crop", "squash"), default="crop", help="keep the aspect and crop, or squash")
    parser.add_argument("--val", type=decimal(0, 0.9), metavar="SHARE", help="of the photos, to validate with")
    parser.add_argument(
        "--test", type=decimal(0, 0.9), metavar="SHARE", help="and to test with; both by the set's size"
    )


def main(args):
    """Do it. Returns the exit status, 0."""
    if args.check:
        from ..data.digests import check

        check(args.output)
        print(f"{shown(args.output)} is as it was prepared, every byte of it")
        return 0
    if args.source not in ("kaggle", "photos", "samples") and not (args.source or "").startswith("kaggle:"):
        raise ColorizeError("expected --source kaggle, photos, samples or kaggle:OWNER/NAME")
    if args.source == "photos" and not args.input:
        raise ColorizeError("expected --input DIR with --source photos")
    if args.part and args.source != "kaggle":
        raise ColorizeError("expected --part only with --source kaggle")
    from ..data.prepare import prepare
    from ..data.sources import KaggleLab, PhotoFolder, SamplePhotos, kaggle_source

    if args.source.startswith("kaggle:"):
        source = kaggle_source(args.source)
    elif args.source == "kaggle":
        source = KaggleLab(args.input, part=args.part)
    else:
        source = PhotoFolder(args.input) if args.source == "photos" else SamplePhotos()
    shares = {"val": args.val, "test": args.test}
    prepare(source, args.output, height=args.height, width=args.width, fit=args.fit, **shares)
    print(f"the prepared set is in {shown(args.output)}")
    return 0
