"""Copies among the photos of a set: the same pixels, nearly the same picture, or its mirror image."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

TOGETHER = 128  # photos whose distances from all others are held at a time
NEAR = 24  # bits of 256 in which two difference hashes may differ and still be called the same picture


def leave_out_copies(rows):
    """Give a reason to exact copies, and to photos whose near copy is in a part that is only looked at.

    rows: dicts of the index, with the hashes ``hash``, ``dhash`` and ``mirror``, that of the mirror image. Train gives
    way to val and test, val to test.
    """
    first = {}
    for row in rows:
        if row["reason"]:
            continue
        if row["hash"] in first:
            row["reason"] = f"copy of {first[row['hash']]}"
        else:
            first[row["hash"]] = row["name"]
    for part, guarded in (("val", ("test",)), ("train", ("val", "test"))):
        kept = [row for row in rows if not row["reason"] and row["split"] == part]
        others = [row for row in rows if not row["reason"] and row["split"] in guarded]
        for word, key in (("near", "dhash"), ("mirrored", "mirror")):
            for row, (distance, other) in zip(kept, _nearest(kept, others, key), strict=True):
                if distance <= NEAR and not row["reason"] and not _same_parent(row, other):
                    row["reason"] = f"{word} copy of {other['name']} ({other['split']})"


def _same_parent(row, other):
    return bool(row.get("parent")) and row.get("parent") == other.get("parent")


def _words(rows, key):
    # A set that an earlier version began says nothing of mirror images.
    packed = b"".join(bytes.fromhex(row.get(key) or row["dhash"]) for row in rows)
    return np.frombuffer(packed, np.uint64).reshape(len(rows), 4)


def _nearest(rows, others, key):
    """For each row, the smallest Hamming distance of its hash ``key`` to the hash of any of ``others``, and which."""
    if not rows or not others:
        return [(257, None)] * len(rows)
    mine, theirs = _words(rows, key), _words(others, "dhash")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        starts = range(0, len(mine), TOGETHER)
        found = pool.map(lambda start: _nearest_words(mine[start : start + TOGETHER], theirs), starts)
        return [(int(distance), others[place]) for block in found for distance, place in zip(*block, strict=True)]


def _nearest_words(mine, theirs):
    """uint64 (n, 4), (m, 4) -> for each of the n the least Hamming distance to one of the m, and which: (n,) both."""
    distance = np.zeros((len(mine), len(theirs)), np.uint16)
    for word in range(mine.shape[1]):  # a word after the other: sums over a short last axis are slow
        distance += np.bitwise_count(mine[:, word, None] ^ theirs[None, :, word])
    best = distance.argmin(axis=1)
    return distance[np.arange(len(mine)), best], best
