"""What a photo may take: pixels, and memory while it is decoded. Both are known by its header, before any is taken."""

import math

from ..errors import ColorizeError

MOST_BYTES, MOST_BYTES_A_PIXEL = 1_800_000_000, 6  # 300 megapixels of three channels of 16 bits
RAISE = "--max-pixels raises the limit"


def refuse_size(size, max_pixels):
    """ColorizeError (status 1) for a (width, height) of more than ``max_pixels``."""
    if math.prod(size) > max_pixels:
        raise ColorizeError(f"expected at most {max_pixels:,} pixels, got {size[0]}x{size[1]}; {RAISE}", status=1)


def is_within(size, each, max_pixels):
    """Whether a (width, height) whose pixels take ``each`` bytes to decode may be read."""
    pixels = math.prod(size)
    return pixels <= max_pixels and pixels * each <= _most_bytes(max_pixels)


def refuse_memory(size, each, max_pixels):
    """ColorizeError (status 1) for a (width, height) that takes too much memory, at ``each`` bytes a pixel."""
    if math.prod(size) * each > _most_bytes(max_pixels):
        raise ColorizeError(
            f"expected a photo that takes at most {_most_bytes(max_pixels):,} bytes to decode, got {size[0]}x{size[1]} "
            f"that take {round(math.prod(size) * each):,}; {RAISE}",
            status=1,
        )


def _most_bytes(max_pixels):
    return max(MOST_BYTES, MOST_BYTES_A_PIXEL * max_pixels)
