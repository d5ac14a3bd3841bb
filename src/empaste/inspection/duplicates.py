"""Images that show nearly the same picture, within a split and across splits.

Two images are near-duplicates where their perceptual hashes differ in few bits and, since flat pictures have arbitrary
hashes, their small gray versions correlate as well.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from empaste.inspection.looking import Look

MAX_BITS = 10
"""Of 64; more differ between pictures of different things."""
MIN_CORRELATION = 0.95
BLOCK = 512


class Pair(NamedTuple):
    """Two images by their place in the list; ``same`` where all pixels are equal; bits by which the hashes differ."""

    first: int
    second: int
    same: bool
    bits: int


def find_pairs(looks: Sequence[Look]) -> list[Pair]:
    """The near-duplicates among the images that could be read: equal ones first, then by their bits and places."""
    places = np.array([place for place, one in enumerate(looks) if one.phash is not None], int)
    if len(places) < 2:
        return []
    hashes = np.stack([one.phash for one in looks if one.phash is not None])
    small = np.stack([one.small for one in looks if one.small is not None])
    pairs = []
    for start in range(0, len(places), BLOCK):
        bits = hamming(hashes[start : start + BLOCK], hashes)
        alike = (bits <= MAX_BITS) & (small[start : start + BLOCK] @ small.T >= MIN_CORRELATION)
        for row, column in np.argwhere(alike | _equal(looks, places, start)):
            if start + row < column:
                first, second = int(places[start + row]), int(places[column])
                same = looks[first].digest == looks[second].digest
                pairs.append(Pair(first, second, same, int(bits[row, column])))
    return sorted(pairs, key=lambda pair: (not pair.same, pair.bits, pair.first, pair.second))


def hamming(first: UInt8[np.ndarray, "n 8"], second: UInt8[np.ndarray, "m 8"]) -> UInt8[np.ndarray, "n m"]:
    """The number of bits that differ."""
    words = [values.copy().view(np.uint64).ravel() for values in (first, second)]
    return np.asarray(np.bitwise_count(words[0][:, None] ^ words[1][None]))


def _equal(looks: Sequence[Look], places: np.ndarray, start: int) -> np.ndarray:
    """Whether the images of a block are, pixel for pixel, those of all."""
    digests = np.array([looks[place].digest for place in places])
    return np.asarray(digests[start : start + BLOCK, None] == digests[None])
