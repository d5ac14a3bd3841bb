"""Instance outlines as data sets write them (polygons, run-length encodings, boxes alone), drawn as masks."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from empaste.artifacts.polygons import ROUNDING, beyond, corners, polygons_mask
from empaste.artifacts.remarks import Remark
from empaste.datasets.records import Outline
from empaste.masks import decode_mask
from empaste.rle import read_rle


def draw_outlines(outlines: Sequence[Outline], height: int, width: int) -> Bool[np.ndarray, "n height width"]:
    """The mask of every outline in an image of this size, empty for a box alone.

    What of a polygon lies outside is cut off. `InputError` names an outline that cannot be drawn.
    """
    masks = np.zeros((len(outlines), height, width), bool)
    for number, outline in enumerate(outlines):
        if isinstance(outline.segmentation, list):
            masks[number] = polygons_mask(outline.segmentation, height, width, outline.origin)
        elif outline.segmentation is not None:
            masks[number] = decode_mask(read_rle(outline.segmentation, (height, width), outline.origin))
    return masks


def outside(outlines: Sequence[Outline], height: int, width: int) -> list[Remark]:
    """A remark for every outline whose polygons or box lead out of an image of this size."""
    return [
        Remark("annotations lead out of their images; what lies outside is cut off", outline.origin)
        for outline in outlines
        if beyond(_points(outline), height, width) > ROUNDING
    ]


def _points(outline: Outline) -> np.ndarray:
    """The points (x, y) of an outline's polygons, or the corners of its box; none of an RLE."""
    if isinstance(outline.segmentation, list):
        return corners(outline.segmentation)
    if outline.segmentation is None and outline.box_xywh is not None:
        x, y, box_width, box_height = outline.box_xywh
        return np.array([[x, y], [x + box_width, y + box_height]])
    return np.zeros((0, 2))
