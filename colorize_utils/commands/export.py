"""The command `export`: a model as ONNX or LiteRT, to use without this package."""

from ..guarding import add_overwrite, holds, refuse_others
from ..inference.portable import FORMATS, export_elsewhere
from ..terminal import shown


def add_arguments(parser):
    """Give an ``argparse`` parser the arguments of `main`."""
    parser.description = (
        "Write a model as one file that runs without this package. To take the model out of a training run, as a "
        "file of this project, there is `export-model`."
    )
    parser.add_argument("--format", required=True, choices=tuple(FORMATS), help="onnx: a .onnx; litert: a .tflite")
    parser.add_argument("--model", metavar="FILE", help="a model file (default: the model that comes with the package)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="for instance colorizer.onnx")
    parser.add_argument(
        "--license", metavar="TEXT", help="what the file says of its weights (default: the shipped model's own terms)"
    )
    add_overwrite(parser)


def main(args):
    """Export as ``args`` says, print what the file says of itself. Returns the exit status, 0."""
    refuse_others(args.output, holds("made_with", "colorize_utils "), args.overwrite)
    done = export_elsewhere(args.model, args.output, args.format, args.license)
    print(f"{shown(done.path)}: {done.path.stat().st_size / 1e6:.1f} MB")
    for name, value in done.notes.items():
        print(shown(f"{name}: {value}"))
    if done.difference is None:
        print("not compared with Keras: that needs `pip install onnxruntime`")
    else:
        print(f"largest difference from Keras at two sizes: {done.difference:.1g} of 1")
    return 0
