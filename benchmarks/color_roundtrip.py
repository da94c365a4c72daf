"""All 16.7 million 8-bit sRGB colors to Lab and back, in float32 and through 8-bit Lab codes.

    python benchmarks/color_roundtrip.py

Prints the largest and mean error in steps of 1/255. float32 has to come back within one; 8-bit codes do not.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from colorize_utils import color


def main():
    """Print the table. Returns 1 if float32 is off by as much as one step anywhere."""
    green_blue = np.stack(np.meshgrid(np.arange(256), np.arange(256), indexing="ij"), axis=-1)
    worst, total = np.zeros(2), np.zeros(2)
    for red in range(256):
        rgb8 = np.concatenate([np.full((256, 256, 1), red), green_blue], axis=-1)
        lab = color.rgb_to_lab(rgb8 / 255)
        coded = color.decode_lab8(color.encode_lab8(lab))
        for k, values in enumerate((lab, coded)):
            error = np.abs(np.clip(color.lab_to_rgb_unbounded(values), 0, 1) * 255 - rgb8)
            worst[k], total[k] = max(worst[k], error.max()), total[k] + error.mean()
    print("| round trip | largest error (of 255) | mean |\n|---|---|---|")
    for name, largest, sum_of_means in zip(("float32", "8-bit Lab codes"), worst, total, strict=True):
        print(f"| {name} | {largest:.4f} | {sum_of_means / 256:.4f} |")
    return int(worst[0] >= 1)


if __name__ == "__main__":
    sys.exit(main())
