"""The networks, each built by one function from plain settings. A network never reads a photo or a run."""

from ..errors import ColorizeError

COLORIZERS = ("unet", "unet-bins", "pix2pix", "zhang")  # what takes L and gives ab
OPTIONS = ("attention", "queries", "hints")  # settings of a U-Net that add parts to it
ADDED = ("attention", "queries", "query_", "hints_")  # layers of a U-Net whose names begin so add nothing at first


def takes_hints(network):
    """Whether a network has the second input, ``hints`` (see `hint_input`)."""
    return len(getattr(network, "inputs", ())) == 2


def usual_keras():
    """Set what a keras.json of another project may have changed: the order of axes, the type and smallness of numbers.

    Networks here are channels last, in float32 but for what a dtype policy says.
    """
    import keras

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)


def build_network(spec):
    """Build the network that ``spec`` (a dict with ``network`` and the builder's settings) describes.

    A weight file carries its spec, so a network can be rebuilt without its training run.
    """
    from .patchgan import build_patchgan
    from .pix2pix import build_pix2pix_unet
    from .projected import build_projected
    from .unet import build_unet, build_unet_bins
    from .zhang import build_zhang

    usual_keras()
    builders = {
        "unet": build_unet,
        "unet-bins": build_unet_bins,
        "pix2pix": build_pix2pix_unet,
        "zhang": build_zhang,
        "patchgan": build_patchgan,
        "projected": build_projected,
    }
    settings = dict(spec)
    name = settings.pop("network", None)
    if name not in builders:
        raise ColorizeError(f"expected a network out of {', '.join(sorted(builders))}, got {name!r}")
    return builders[name](**settings)


def strengthen(network, factor):
    """Multiply the colors that a network gives by a factor, in its weights: what goes into the last tanh is multiplied.

    ColorizeError for a network that chooses colors out of classes, or has a palette.
    """
    last = {layer.name: layer for layer in network.layers}
    if "ab" not in last or "with_palette" in last:
        raise ColorizeError("expected a network whose last layer gives a and b, to multiply its colors", status=1)
    last["ab"].set_weights([weights * factor for weights in last["ab"].get_weights()])


def stride_of(spec):
    """What the sides of a photo have to be multiples of for the network that ``spec`` describes."""
    if spec.get("network") == "pix2pix":
        return 2 ** spec.get("levels", 7)
    return 8 if spec.get("network") == "zhang" else 32
