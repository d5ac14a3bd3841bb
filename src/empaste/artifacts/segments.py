"""Rows of the segments' table as masks, and as runs of pixels."""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from empaste.errors import InputError
from empaste.masks import RLE, decode_mask


class Runs(NamedTuple):
    """Where masks are set: mask ``owner`` in the pixels ``start`` to ``stop``, without it, counted down columns."""

    owner: Int[np.ndarray, " runs"]
    start: Int[np.ndarray, " runs"]
    stop: Int[np.ndarray, " runs"]


def segment_rles(rows: pd.DataFrame) -> list[RLE]:
    """The RLE of every row of a table with ``counts``, ``height`` and ``width`` (`schemas.Segments`), in order."""
    cells = zip(rows["counts"], rows["height"], rows["width"], strict=True)
    return [{"size": [int(height), int(width)], "counts": str(counts)} for counts, height, width in cells]


def check_segment_images(segments: pd.DataFrame, known: Container[int], origin: Path, images: Path) -> None:
    """`InputError` where the table ``segments``, read from ``origin``, has an image that ``images`` lacks."""
    for image_id in segments["image_id"].unique().tolist():
        if image_id not in known:
            raise InputError(f"{origin} names the image {image_id}, which {images} lacks; run: dvc repro proposals")


def decode_segments(
    rows: pd.DataFrame, size_hw: tuple[int, int], image_path: Path
) -> Iterator[Bool[np.ndarray, "h w"]]:
    """The mask of every row of one image's segments, in order, one at a time.

    `InputError` where a row is of an image of another size than ``size_hw``, or a mask has not the row's ``area``.
    """
    checks = zip(rows["segment_id"].tolist(), rows["area"].tolist(), segment_rles(rows), strict=True)
    for segment_id, area, rle in checks:
        if tuple(rle["size"]) != size_hw:
            raise InputError(
                f"{image_path} is {size_hw[0]} high and {size_hw[1]} wide, its segment {segment_id} is of an image "
                f"{rle['size'][0]} high and {rle['size'][1]} wide; run: dvc repro proposals"
            )
        mask = decode_mask(rle)
        if np.count_nonzero(mask) != area:
            raise InputError(
                f"segment {segment_id} of {image_path} should have {area} pixels, its mask has "
                f"{np.count_nonzero(mask)}; run: dvc repro proposals"
            )
        yield mask


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
    if not len(digits):
        return Runs(*np.zeros((3, 0), np.int64))
    ends = np.flatnonzero(digits < 32)
    begins = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(digits)) - np.repeat(begins, ends - begins + 1)
    lengths = np.add.reduceat((digits & 31) << (5 * place), begins)
    lengths -= np.where(digits[ends] & 16, np.int64(1) << (5 * (place[ends] + 1)), 0)
    owner = np.searchsorted(np.cumsum([len(text) for text in texts]), ends, side="right")
    position = np.arange(len(ends)) - np.searchsorted(owner, np.arange(len(texts)))[owner]
    for parity in (0, 1):
        # Whatever a length adds to lies two places before it, so that the two halves are sums of their own.
        lengths[parity::2] = _cumulate(lengths[parity::2], position[parity::2] < 3)
    stops = _cumulate(lengths, position == 0)
    on = position % 2 == 1
    return Runs(owner[on], (stops - lengths)[on], stops[on])


def _cumulate(values: Int[np.ndarray, " n"], begins: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Cumulative sums that begin anew at every place of ``begins``, the first among them."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    at = np.flatnonzero(begins)
    return sums - np.repeat(sums[at] - values[at], np.diff(np.append(at, len(values))))
