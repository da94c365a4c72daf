"""A picture of a U-Net, drawn from the model itself: shapes, the way down and up, and the skips across."""

from keras import layers


def stages(model):
    """What a U-Net is made of, read from its graph: [(stride, channels)] down, and [(stride, channels, skip)] up.

    The encoder is the layer that gives features at several strides. skip: the channels that come across from it at that
    stride of the decoder, None where nothing does.
    """
    encoder = next(layer for layer in model.layers if isinstance(layer.output, list))
    down = [(2**at, output.shape[-1]) for at, output in enumerate(encoder.output, 1)]
    ups = [layer for layer in model.layers if isinstance(layer, layers.UpSampling2D)]
    joins = [layer for layer in model.layers if isinstance(layer, layers.Concatenate)]
    up = []
    for at, layer in enumerate(ups):
        stride = 2 ** (len(down) - 1 - at)
        ends = ups[at + 1].input if at + 1 < len(ups) else layer.output
        if stride == 2:  # what is enlarged last is the color already; what it was made of is of more interest
            ends = [each for each in model.layers if isinstance(each, layers.ReLU)][-1].output
        across = [other for join in joins for other in join.input if _has(join.input, layer.output)]
        skips = [tensor.shape[-1] for tensor in across if tensor is not layer.output]
        up.append((stride, ends.shape[-1], skips[0] if skips else None))
    return down, up


def _has(tensors, wanted):
    return any(tensor is wanted for tensor in tensors)


def draw_unet(model, height=96, width=128):
    """Draw a U-Net for a photo of this size on a new figure of matplotlib, and return the figure.

    Height, width and channels stand in each box; the higher a box, the finer it sees.
    """
    import matplotlib.pyplot as plt

    down, up = stages(model)
    figure, axis = plt.subplots(figsize=(9, 0.85 * len(up) + 1.6))
    axis.set(xlim=(-1.6, 7.6), ylim=(-len(down) - 0.6, 0.6))
    axis.axis("off")
    _box(axis, 0, 0, f"lightness\n{height}×{width}×1", "0.9")
    for level, (stride, channels) in enumerate(down, 1):
        _box(axis, 0, -level, f"{height // stride}×{width // stride}×{channels}", "lightsteelblue")
        _arrow(axis, (0, 0.72 - level), (0, 0.28 - level), "0.4")
    deepest = -len(down)
    _arrow(axis, (0.95, deepest), (5.05, deepest + 0.72), "0.4")
    for level, (stride, channels, skip) in enumerate(up, 1):
        text = f"{height // stride}×{width // stride}×{channels}"
        _box(
            axis, 6, deepest + level, f"a and b\n{text}" if stride == 1 else text, "0.9" if stride == 1 else "moccasin"
        )
        if level > 1:
            _arrow(axis, (6, deepest + level - 0.72), (6, deepest + level - 0.28), "0.4")
        if skip:
            _arrow(axis, (0.95, deepest + level), (5.05, deepest + level), "tab:red")
            axis.text(3, deepest + level + 0.08, f"skip: {skip} channels", ha="center", color="tab:red", fontsize=9)
    axis.text(-1.55, deepest - 0.5, "encoder: what is it?", fontsize=10)
    axis.text(7.55, deepest - 0.5, "decoder: what color, and where?", fontsize=10, ha="right")
    return figure


def _box(axis, x, y, text, color):
    axis.text(x, y, text, ha="center", va="center", fontsize=9, bbox={"facecolor": color, "boxstyle": "round"})


def _arrow(axis, start, end, color):
    axis.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "->", "color": color})
