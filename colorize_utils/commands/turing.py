"""The command `turing`: a page that asks people which of two pictures is the real photo, and what they answered."""

from ..disk import write_text
from ..errors import ColorizeError, reason
from ..evaluation.rows import photo_folder
from ..evaluation.turing import CHECK, answers_text, build_page, choose_trials, summarize_answers
from ..guarding import add_overwrite, holds, refuse_others
from ..terminal import quietly_import_keras, shown
from .evaluate import add_row_arguments, asked_rows, complain_of


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photos", metavar="DIR", help="color photos to make a page of")
    what.add_argument("--answers", metavar="CSV", nargs="+", help="what viewers saved: the rate and its interval")
    parser.add_argument("--output", "-o", metavar="FILE", default="turing.html", help="the page (default: %(default)s)")
    add_row_arguments(parser)
    parser.add_argument("--pairs", type=int, default=40, metavar="N", help="pairs beside the checks (default: 40)")
    parser.add_argument("--size", type=int, default=256, metavar="N", help="side of the pictures (default: 256)")
    parser.add_argument("--fit", choices=("crop", "resize"), default="resize", help="crop: cut, do not shrink first")
    parser.add_argument("--seed", type=int, default=0, help="of the photos, their order and sides (default: 0)")
    add_overwrite(parser)
    parser.set_defaults(baseline=None)


def main(args):
    """Write a page, or read answers -> exit status; 1 if a photo had to be passed over."""
    if args.answers:
        print(*map(shown, answers_text(summarize_answers(args.answers)).splitlines()), sep="\n")
        return 0
    if args.size < 16 or args.pairs < 1 or args.seed < 0:
        raise ColorizeError("expected --size of 16 or more, --pairs of 1 or more and --seed of 0 or more")
    refuse_others(args.output, holds("<title>Which photo is real?</title>", '"milliseconds"'), args.overwrite)
    photos, problems = photo_folder(args.photos, args.size, args.fit), []
    if args.model or not args.no_shipped:
        quietly_import_keras()
    trials = choose_trials(photos, asked_rows(args), args.pairs, args.seed, problems)
    page = build_page(trials)
    try:
        write_text(args.output, page)
    except OSError as error:
        raise ColorizeError(f"expected to write {args.output}: {reason(error)}", status=1) from None
    complain_of(problems)
    checks = sum(trial.kind == CHECK for trial in trials)
    print(f"{shown(args.output)}: {len(trials) - checks} pairs and {checks} checks; open it in a browser")
    return 1 if problems else 0
