"""Rows of the segments' table as masks, and as runs of pixels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from empaste.masks import RLE


class Runs(NamedTuple):
    """Where masks are set: mask ``owner`` in the pixels ``start`` to ``stop``, without it, counted down columns."""

    owner: Int[np.ndarray, " runs"]
    start: Int[np.ndarray, " runs"]
    stop: Int[np.ndarray, " runs"]


def segment_rles(rows: pd.DataFrame) -> list[RLE]:
    """The RLE of every row of a table with ``counts``, ``height`` and ``width`` (`schemas.Segments`), in order."""
    cells = zip(rows["counts"], rows["height"], rows["width"], strict=True)
    return [{"size": [int(height), int(width)], "counts": str(counts)} for counts, height, width in cells]


def read_runs(counts: Sequence[str]) -> Runs:
    """The runs of COCO RLEs of one image size, read from their text without decoding a mask.

    Notes
    -----
    COCO writes the lengths of runs, off and on in turn, in digits of five bits, lowest first: a sixth bit says that
    another digit follows, the fifth bit of the last one is the sign. From the fourth length on it writes the difference
    to the length before the last. Each character is the digit plus 48.
    """
    texts = [text.encode("ascii") for text in counts]
    digits = np.frombuffer(b"".join(texts), np.uint8).astype(np.int64) - 48
    last = digits & 32 == 0
    number_of_digit = np.concatenate([[0], np.cumsum(last)[:-1]]) if len(digits) else np.zeros(0, int)
    first_digit = np.flatnonzero(np.concatenate([[True], last[:-1]])) if len(digits) else np.zeros(0, int)
    place = np.arange(len(digits)) - first_digit[number_of_digit]
    lengths = np.zeros(len(first_digit), np.int64)
    np.add.at(lengths, number_of_digit, (digits & 31) << (5 * place))
    ends = np.flatnonzero(last)
    lengths -= np.where(digits[ends] & 16, np.int64(1) << (5 * (place[ends] + 1)), 0)
    ends_of_text = np.cumsum([len(text) for text in texts]).astype(np.int64)
    owner = np.searchsorted(ends_of_text, ends, side="right")
    position = np.arange(len(ends)) - np.searchsorted(owner, owner, side="left")
    lengths = _undo_differences(lengths, owner, position)
    stops = _cumulate(lengths, position)
    on = position % 2 == 1
    return Runs(owner[on], (stops - lengths)[on], stops[on])


def _undo_differences(lengths: np.ndarray, owner: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Lengths of which those from the fourth on are differences to the one two before.

    So the second, fourth, … add up, and the third, fifth, …; the first stands alone.
    """
    chain = np.where(position == 0, 0, 2 - position % 2)
    order = np.lexsort((position, chain, owner))
    begins = position[order] < 3
    restored = np.empty_like(lengths)
    restored[order] = _cumulate(lengths[order], np.where(begins, 0, 1))
    return restored


def _cumulate(values: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Cumulative sums that begin anew wherever ``position`` is 0."""
    sums = np.cumsum(values)
    begins = np.flatnonzero(position == 0)
    before = sums[begins] - values[begins]
    return sums - np.repeat(before, np.diff(np.append(begins, len(values))))
