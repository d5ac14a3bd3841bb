"""Outlines of foreign records as masks: the one place that says how far polygons may lead out of their image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Real

from empaste.artifacts.foreign_coco import check_polygons
from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.rle import RLE, read_rle

REACH = 1.0
"""How far a polygon may lead beyond its image, in the image's sides: beyond that it was made for another one."""
ROUNDING = 1.0
"""Pixels beyond the image that are rounding, not worth a remark."""


def polygons_mask(segmentation: Any, height: int, width: int, origin: str) -> Bool[np.ndarray, "height width"]:
    """The mask of a segmentation's polygons in an image of this size; what lies outside is cut off.

    `InputError`, which calls the annotation ``origin``, where they are none, or lead farther away than `REACH`.
    """
    from pycocotools import mask as coco_mask

    polygons = check_polygons(segmentation, origin)
    # pycocotools walks along every edge in memory of its own: points far away end the process without a message.
    points = corners(polygons)
    if beyond(points, height, width) > REACH * max(height, width):
        x, y = points[np.abs(points - (width / 2, height / 2)).max(axis=1).argmax()].tolist()
        raise InputError(
            f"{origin}: a polygon leads to x {x:g}, y {y:g}, but its image is {width} × {height} pixels; "
            "correct or remove this annotation"
        )
    merged = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    mask: Bool[np.ndarray, "height width"] = coco_mask.decode(merged).astype(bool)
    return mask


def segmentation_rle(segmentation: Any, size_hw: tuple[int, int], origin: str) -> RLE:
    """A mask in any of COCO's three forms (polygons, RLE as numbers, RLE as text) as an RLE of an image of this size.

    `InputError` as for `polygons_mask` and `rle.read_rle`.
    """
    if isinstance(segmentation, list):
        return encode_mask(polygons_mask(segmentation, *size_hw, origin))
    return read_rle(segmentation, size_hw, origin)


def corners(polygons: Sequence[Sequence[float]]) -> Real[np.ndarray, "n 2"]:
    """The points (x, y) of ``polygons``, of which there is at least one."""
    return np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in polygons])


def beyond(points: Real[np.ndarray, "n 2"], height: int, width: int) -> float:
    """How many pixels the farthest of the points lies outside an image of this size."""
    return float(np.maximum(-points, points - (width, height)).max(initial=0))
