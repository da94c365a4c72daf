"""Model files spoiled at random, as a disk, a network or a bad intention may do: is each read or refused in a line?

    python benchmarks/spoiled_models.py [--files 20000] [--seed 0]

Prints how many were refused and read, the slowest, and the most memory. A crash of the process would end the table.
"""

import argparse
import hashlib
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# What does harm as a length, a count or a place.
NUMBERS = (0, 1, 7, 2**7, 2**15 - 1, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1)


def spoiled(data, rng):
    """``data`` with one to four things changed. rng: `numpy.random.Generator`."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if len(data) < 16:
            break
        at, kind = int(rng.integers(len(data) - 8)), int(rng.integers(8))
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[at] = int(rng.integers(256))
        elif kind in (2, 3):  # a number of eight bytes, or of two or four, mostly where such numbers stand
            at -= at % 8 if kind == 2 else at % 2
            number = struct.pack("<Q", NUMBERS[int(rng.integers(len(NUMBERS)))])
            length = 8 if kind == 2 else int(rng.choice([2, 4]))
            data[at : at + length] = number[:length]
        elif kind == 4:  # the number of one place at another: circles, and parts over one another
            other, at = (int(x) // 8 * 8 for x in (rng.integers(len(data) - 8), at))
            data[at : at + 8] = data[other : other + 8]
        elif kind == 5:
            del data[at : at + int(rng.integers(1, 40))]
        elif kind == 6:
            data[at:at] = bytes(rng.integers(256, size=int(rng.integers(1, 40)), dtype="uint8"))
        else:
            del data[int(rng.integers(len(data))) :]
    return bytes(data)


def with_digest(data, block=512, mark=b"colorize sha256 "):
    """A model file whose digest is that of what it holds now, as who makes one on purpose would give it."""
    head = mark + hashlib.sha256(data[block:]).hexdigest().encode()
    return head.ljust(block, b"\0") + data[block:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    from colorize_utils.errors import ColorizeError
    from colorize_utils.weights import read_model, write_arrays

    rng, counts, worst = np.random.default_rng(args.seed), Counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        arrays = {f"layer_{k}/kernel": np.arange(k * 6, dtype=np.float16).reshape(k, 3, 2) for k in range(40)}
        write_arrays(path, arrays, {"spec": {"network": "unet", "widths": [8, 8, 8, 8]}, "meta": {"name": "x"}})
        data = path.read_bytes()
        tracemalloc.start()
        for number in range(args.files):
            path.write_bytes((with_digest(spoiled(data, rng)), bytes(512) + spoiled(data[512:], rng))[number % 2])
            began = time.perf_counter()
            try:
                read_model(path)
                counts["read"] += 1
            except ColorizeError as error:
                counts["refused"] += 1
                if "\n" in str(error):
                    raise
            worst = max(worst, time.perf_counter() - began)
    print(f"{args.files} files of {len(data) / 1000:.0f} kB, half of them with the right digest, half with none")
    print(f"refused in a line {counts['refused']}, read {counts['read']}, the slowest {worst:.2f} s, ", end="")
    print(f"at most {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
