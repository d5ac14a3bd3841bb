"""Instance outlines as data sets write them (polygons, run-length encodings, boxes alone), drawn as masks."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from empaste.artifacts.foreign_coco import check_polygons
from empaste.artifacts.remarks import Remark
from empaste.datasets.records import Outline
from empaste.errors import InputError
from empaste.masks import decode_mask, read_rle

REACH = 1.0
"""How far a polygon may lead beyond its image, in the image's sides: beyond that it was made for another one."""
ROUNDING = 1.0
"""Pixels beyond the image that are rounding, not worth a remark."""


def draw_outlines(outlines: Sequence[Outline], height: int, width: int) -> Bool[np.ndarray, "n height width"]:
    """The mask of every outline in an image of this size, empty for a box alone.

    What of a polygon lies outside is cut off. `InputError` names an outline that cannot be drawn.
    """
    masks = np.zeros((len(outlines), height, width), bool)
    for number, outline in enumerate(outlines):
        if isinstance(outline.segmentation, list):
            masks[number] = _polygons_mask(outline, height, width)
        elif outline.segmentation is not None:
            masks[number] = decode_mask(read_rle(outline.segmentation, (height, width), outline.origin))
    return masks


def outside(outlines: Sequence[Outline], height: int, width: int) -> list[Remark]:
    """A remark for every outline whose polygons or box lead out of an image of this size."""
    return [
        Remark("annotations lead out of their images; what lies outside is cut off", outline.origin)
        for outline in outlines
        if _beyond(_points(outline), height, width) > ROUNDING
    ]


def _polygons_mask(outline: Outline, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    from pycocotools import mask as coco_mask

    polygons = check_polygons(outline.segmentation, outline.origin)
    # pycocotools walks along every edge in memory of its own: points far away end the process without a message.
    points = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in polygons])
    if _beyond(points, height, width) > REACH * max(height, width):
        x, y = points[np.abs(points - (width / 2, height / 2)).max(axis=1).argmax()].tolist()
        raise InputError(
            f"{outline.origin}: a polygon leads to x {x:g}, y {y:g}, but its image is {width} × {height} pixels; "
            "correct or remove this annotation"
        )
    merged = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return coco_mask.decode(merged).astype(bool)


def _points(outline: Outline) -> np.ndarray:
    """The points (x, y) of an outline's polygons, or the corners of its box; none of an RLE."""
    if isinstance(outline.segmentation, list):
        return np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in outline.segmentation])
    if outline.segmentation is None and outline.box_xywh is not None:
        x, y, box_width, box_height = outline.box_xywh
        return np.array([[x, y], [x + box_width, y + box_height]])
    return np.zeros((0, 2))


def _beyond(points: np.ndarray, height: int, width: int) -> float:
    """How many pixels the farthest of the points lies outside an image of this size."""
    return float(np.maximum(-points, points - (width, height)).max(initial=0))
