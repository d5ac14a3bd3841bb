"""Rows of the segments' table as masks, and as runs of pixels."""

from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.masks import decode_mask
from empaste.rle import RLE, cumulate, first_unsound, parse_runs


class Runs(NamedTuple):
    """Where masks are set: mask ``owner`` in the pixels ``start`` to ``stop``, without it, counted down columns."""

    owner: Int[np.ndarray, " runs"]
    start: Int[np.ndarray, " runs"]
    stop: Int[np.ndarray, " runs"]


def segment_rles(rows: pd.DataFrame) -> list[RLE]:
    """The RLE of every row of a table with ``counts``, ``height`` and ``width``, in order.

    Such as `schemas.proposals.Segments`. `InputError` where the counts of one do not fill its size.
    """
    cells = zip(rows["counts"], rows["height"], rows["width"], strict=True)
    rles: list[RLE] = [{"size": [int(height), int(width)], "counts": str(counts)} for counts, height, width in cells]
    if (broken := first_unsound(rles)) is not None:
        row = rows.iloc[broken].to_dict()
        raise InputError(
            f"the segments' table has a mask whose runs do not fill its image: {row}; run: dvc repro proposals"
        )
    return rles


def chosen_rows(chosen: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``chosen`` (`schemas.foregrounds.Foregrounds`), in their order, with their segments' columns beside.

    ``segments`` are rows of `schemas.proposals.Segments`. `InputError` where one names a segment that is not among
    them.
    """
    rows = chosen.merge(segments, on=["image_id", "segment_id"], how="left", validate="many_to_one")
    lost = rows[rows["counts"].isna()]
    if len(lost):
        first = lost.iloc[0]
        raise InputError(
            f"{HERE.foregrounds} names segment {first.segment_id} of image {first.image_id}, which {HERE.segments} "
            "lacks; run: dvc repro foregrounds"
        )
    return rows.astype({"height": int, "width": int})


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
    """The runs of sound COCO RLEs of one image size, read from their text without decoding a mask."""
    owner, position, lengths = parse_runs(counts)
    stops = cumulate(lengths, position == 0)
    on = position % 2 == 1
    return Runs(owner[on], (stops - lengths)[on], stops[on])
