"""Masks as outlines and as runs along rows, for formats that hold no COCO RLE."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Int

from empaste.masks import decode_mask, rle_area_box_xywh
from empaste.rle import RLE

Points = Int[np.ndarray, "_ 2"]


def cropped(rle: RLE) -> tuple[Bool[np.ndarray, "h w"], int, int]:
    """The mask inside its tight box, and the box's left and top in pixels of the image; the mask is not empty."""
    _, (left, top, width, height) = rle_area_box_xywh(rle)
    return decode_mask(rle)[top : top + height, left : left + width], left, top


def row_runs(mask: Bool[np.ndarray, "h w"]) -> list[int]:
    """The lengths of the runs of ``mask`` along its rows, off and on in turn; the first, off, may be 0."""
    flat = mask.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


def count_parts(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int]:
    """How many pieces ``mask`` has, and how many holes; pixels that touch at a corner are one piece."""
    contours, hierarchy = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    holes = sum(int(parent) >= 0 for *_, parent in hierarchy[0]) if contours else 0
    return len(contours) - holes, holes


def filled_polygon(rle: RLE) -> Points:
    """One polygon around the mask, which is not empty, through the centres of its outermost pixels; at least 3 points.

    Holes are filled. Several pieces are joined where they are nearest, by a line there and back. x and y are whole
    pixels of the image, counted from 0; OpenCV's ``fillPoly`` gives the filled mask back, with the joining lines.
    """
    mask, left, top = cropped(rle)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = sorted((contour.reshape(-1, 2).astype(int) for contour in contours), key=len, reverse=True)
    around: Points = _without_straights(_joined(pieces)) + np.array([left, top])
    return around


def _joined(pieces: Sequence[Points]) -> Points:
    outline, *others = pieces
    for piece in others:
        far = np.square(outline[:, None] - piece[None]).sum(axis=2)
        here, there = np.unravel_index(int(far.argmin()), far.shape)
        around = np.concatenate([piece[there:], piece[: there + 1]])
        outline = np.concatenate([outline[: here + 1], around, outline[here:]])
    return outline


def _without_straights(outline: Points) -> Points:
    """``outline`` without the points on straight lines between others; a line or a point is made three points."""
    steps = np.diff(outline, axis=0, append=outline[:1])
    turns = (steps != np.roll(steps, 1, axis=0)).any(axis=1)
    kept = outline[turns] if turns.any() else outline
    return np.concatenate([kept, np.repeat(kept[-1:], max(0, 3 - len(kept)), axis=0)])
