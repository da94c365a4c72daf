"""The command `curve`: what the snapshots of runs reach, measured on photos with known colors, as a CSV."""

from ..errors import ColorizeError, reason
from ..evaluation.classifier import load_classifier
from ..evaluation.curve import COLUMNS, curve, gone_on, read_curve, write_curve
from ..evaluation.report import limited
from ..evaluation.rows import photo_folder, prepared_split
from ..guarding import add_overwrite, begins_with, refuse_others
from ..terminal import number, quietly_import_keras, shown
from .evaluate import complain_of


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder; several: one goes on with the other")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="a folder of color photos, any depth")
    what.add_argument("--data", metavar="DIR", help="a prepared set, its test part")
    parser.add_argument("--output", "-o", metavar="FILE", required=True, help="the CSV to write")
    parser.add_argument("--classifier", metavar="NAME[=FILE]", help="for the Fréchet distance, as in evaluate")
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, evenly spaced")
    parser.add_argument("--size", type=int, default=256, metavar="N", help="side of the center crop (default: 256)")
    parser.add_argument("--working-size", type=number(32, 2048), metavar="N",
                        help="short side of the copy that networks see (default: the one trained at)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the halves (default: 0)")
    parser.add_argument("--after", metavar="FILE", help="a CSV of earlier runs that these went on from")
    add_overwrite(parser)


def main(args):
    """Measure and write the curve. Returns the exit status, 1 if something was left out."""
    try:
        if args.size < 16 or (args.limit is not None and args.limit < 1) or args.seed < 0:
            raise ColorizeError("expected --size of 16 or more, --limit of 1 or more and --seed of 0 or more")
        refuse_others(args.output, begins_with(",".join(COLUMNS[:4]) + ","), args.overwrite)
        photos = photo_folder(args.photos, args.size) if args.photos else prepared_split(args.data, side=args.size)
        quietly_import_keras()
        classifier = load_classifier(args.classifier) if args.classifier else None
        earlier = read_curve(args.after) if args.after else None
        lines, problems = curve(args.runs, limited(photos, args.limit), classifier, args.working_size, args.seed)
        lines = lines if earlier is None else gone_on(earlier, lines)
        write_curve(args.output, lines)
    except OSError as error:
        raise ColorizeError(f"expected to write {args.output}: {reason(error)}", status=1) from None
    complain_of(problems)
    features, count = (classifier.features if classifier else 0), max(line["photos"] for line in lines)
    rank = f"; {features} features of {count} photos, of at most {count - 1} directions" if features >= count else ""
    print(f"{shown(args.output)}: {len(lines)} lines{rank}")
    return 1 if problems else 0
