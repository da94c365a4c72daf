"""The networks, each built by one function from plain settings. A network never reads a photo or a run."""

from ..errors import ColorizeError


def build_network(spec):
    """Build the network that ``spec`` (a dict with ``network`` and the builder's settings) describes.

    A weight file carries its spec, so a network can be rebuilt without its training run.
    """
    from .patchgan import build_patchgan
    from .pix2pix import build_pix2pix_unet
    from .unet import build_unet

    builders = {"unet": build_unet, "pix2pix": build_pix2pix_unet, "patchgan": build_patchgan}
    settings = dict(spec)
    name = settings.pop("network", None)
    if name not in builders:
        raise ColorizeError(f"expected a network out of {', '.join(sorted(builders))}, got {name!r}")
    return builders[name](**settings)
