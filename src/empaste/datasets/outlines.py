"""Instance outlines as data sets write them (polygons, run-length encodings), checked and drawn as masks."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from empaste.datasets.records import Outline
from empaste.errors import InputError
from empaste.masks import RLE, decode_mask, run_lengths


def draw_outlines(outlines: Sequence[Outline], height: int, width: int) -> Bool[np.ndarray, "n height width"]:
    """The mask of every outline in an image of this size; `InputError` names the one that cannot be drawn."""
    masks = [_draw_one(outline, height, width) for outline in outlines]
    return np.array(masks, bool).reshape(-1, height, width)


def _draw_one(outline: Outline, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    segmentation = outline.segmentation
    if isinstance(segmentation, list):
        return _polygons_mask(segmentation, height, width, outline.origin)
    if isinstance(segmentation, dict) and {"size", "counts"} <= set(segmentation):
        return decode_mask(_checked_rle(segmentation, height, width, outline.origin))
    raise InputError(
        f"{outline.origin}: segmentation is {str(segmentation)[:60]!r}; allowed are a list of polygons or an RLE with "
        "size and counts"
    )


def _polygons_mask(polygons: list[Any], height: int, width: int, origin: str) -> Bool[np.ndarray, "height width"]:
    from pycocotools import mask as coco_mask

    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2 or not _all_finite(polygon):
            raise InputError(
                f"{origin}: a polygon is {str(polygon)[:60]}; it needs at least 3 points, as numbers x, y, x, y, …: "
                "correct or remove this annotation"
            )
    merged = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return coco_mask.decode(merged).astype(bool)


def _all_finite(numbers: list[Any]) -> bool:
    return all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)


def _checked_rle(segmentation: dict[str, Any], height: int, width: int, origin: str) -> RLE:
    """The RLE with its counts as text; `InputError` where it is not one of an image of this size."""
    from pycocotools import mask as coco_mask

    if segmentation["size"] != [height, width]:
        raise InputError(
            f"{origin}: the RLE is of size {segmentation['size']}, its image [{height}, {width}] (height, width); "
            "correct or remove this annotation"
        )
    counts = segmentation["counts"]
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    if (
        not isinstance(runs, list)
        or not all(isinstance(run, int) and run >= 0 for run in runs)
        or sum(runs) != height * width
    ):
        raise InputError(
            f"{origin}: the RLE's counts do not add up to {height} × {width} pixels; correct or remove this annotation"
        )
    encoded = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
