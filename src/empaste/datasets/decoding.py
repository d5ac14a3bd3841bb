"""From a decoded photograph and its outlines to what `prepare` writes: a JPEG and masks in one upright frame."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from operator import mul
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool
from PIL import Image

from empaste.artifacts.remarks import Remark
from empaste.datasets.records import Box, Frame, Mask, Picture
from empaste.errors import InputError
from empaste.images import encode_rgb, fit_within
from empaste.photographs import SIDES_SWAPPED, TRANSPOSED, Photograph

JPEG_LIMIT = 65500
"""The longest side that a JPEG file can have."""
FLIPPED_ACROSS, FLIPPED_DOWN = (2, 3, 6, 7), (3, 4, 7, 8)
"""The EXIF orientations by which left and right, top and bottom change places, after height and width did."""


def to_picture(
    photograph: Photograph,
    class_ids: tuple[int, ...],
    masks: Iterable[Mask],
    max_side: int,
    name: str,
    void: Bool[np.ndarray, "h w"] | None = None,
    boxes: Sequence[Box] = (),
    remarks: Sequence[Remark] = (),
) -> Picture:
    """The picture with its longest side at most ``max_side`` (0: any), its masks along; ``name`` is for errors.

    A mask or a box of which nothing is left, after shrinking or from the start, is dropped with a remark; void grows
    over every pixel that it touches, and leaves the masks their own.
    """
    image = fit_within(photograph.image, max_side)
    height, width = image.shape[:2]
    if max(height, width) > JPEG_LIMIT:
        raise InputError(f"{name} is {width} × {height} pixels; allowed are {JPEG_LIMIT} a side: set prepare.max_side")
    kept = photograph.plain_jpeg if image is photograph.image else None
    shrunk = [(class_id, _resized(mask, height, width), crowd) for class_id, mask, crowd in masks]
    scale_xywh = (width / photograph.image.shape[1], height / photograph.image.shape[0]) * 2
    scaled = [
        (class_id, within(tuple(map(mul, box, scale_xywh)), height, width), crowd) for class_id, box, crowd in boxes
    ]
    left, lost = without_empty(shrunk, scaled)
    return Picture(
        kept or encode_rgb(image, ".jpg", 95),
        height,
        width,
        class_ids,
        left.masks,
        None if void is None else _void(void, [mask for _, mask, _ in shrunk], height, width),
        left.boxes,
        (*remarks, *[Remark("instances have no pixel in their images and are left out", name)] * lost),
        hashlib.sha256(np.ascontiguousarray(photograph.image).data).hexdigest(),
        photograph.image.shape[:2],
    )


class Instances(NamedTuple):
    """The instances of an image, those with masks and those with boxes alone."""

    masks: tuple[Mask, ...]
    boxes: tuple[Box, ...]


def without_empty(masks: Sequence[Mask], boxes: Sequence[Box]) -> tuple[Instances, int]:
    """The instances of which anything is left in their image, and how many others there are."""
    left = Instances(tuple(one for one in masks if one[1].any()), tuple(one for one in boxes if min(one[1][2:]) > 0))
    return left, len(masks) + len(boxes) - len(left.masks) - len(left.boxes)


def _void(
    void: Bool[np.ndarray, "h w"], masks: Sequence[Bool[np.ndarray, "h2 w2"]], height: int, width: int
) -> Bool[np.ndarray, "h2 w2"]:
    touched = cv2.resize(void.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    for mask in masks:
        touched &= ~mask
    return touched


def masks_upright(
    photograph: Photograph,
    size_hw: tuple[int, int] | None,
    draw: Callable[[int, int], np.ndarray],
    name: str,
    frame: Frame = "upright",
) -> np.ndarray:
    """Masks that ``draw(height, width)`` gives (n, height, width), in the frame of the upright photograph.

    ``size_hw`` is the size that the annotation states (None: that of the photograph). Where it is the size of the
    pixels as stored, before EXIF turned them, the masks are turned along; where it is both or is not stated, ``frame``
    says which pixels are meant. Any other size is an `InputError`.
    """
    height, width = photograph.image.shape[:2]
    if annotated_frame(photograph, size_hw, name, frame) == "upright":
        return draw(height, width)
    swapped = photograph.orientation in SIDES_SWAPPED
    turn = TRANSPOSED[photograph.orientation]
    drawn = draw(width, height) if swapped else draw(height, width)
    turned = [Image.fromarray(mask.astype(np.uint8)).transpose(turn) for mask in drawn]
    return np.array([np.asarray(mask) > 0 for mask in turned]).reshape(-1, height, width)


def annotated_frame(photograph: Photograph, size_hw: tuple[int, int] | None, name: str, frame: Frame) -> Frame:
    """The frame of annotations for an image of ``size_hw``: what the size tells, else ``frame``.

    `InputError` where the photograph has that size neither upright nor as stored.
    """
    height, width = photograph.image.shape[:2]
    turned, swapped = photograph.orientation != 1, photograph.orientation in SIDES_SWAPPED
    if size_hw is None or (size_hw == (height, width) and (not swapped or height == width)):
        return frame if turned else "upright"
    if size_hw == (height, width):
        return "upright"
    if swapped and size_hw == (width, height):
        return "stored"
    stated_height, stated_width = size_hw
    raise InputError(
        f"{name} is {width} × {height} pixels, but its annotations are for {stated_width} × {stated_height}; "
        "correct width and height there, or restore the image that was annotated"
    )


def box_upright(
    box_xywh: tuple[float, float, float, float], photograph: Photograph
) -> tuple[float, float, float, float]:
    """A box in pixels as stored, in the frame of the upright photograph."""
    height, width = photograph.image.shape[:2]
    x, y, box_width, box_height = box_xywh
    orientation = photograph.orientation
    if orientation in SIDES_SWAPPED:
        x, y, box_width, box_height = y, x, box_height, box_width
    if orientation in FLIPPED_ACROSS:
        x = width - x - box_width
    if orientation in FLIPPED_DOWN:
        y = height - y - box_height
    return x, y, box_width, box_height


def within(box_xywh: tuple[float, ...], height: int, width: int) -> tuple[float, float, float, float]:
    """The part of the box inside an image of that size; its sides are 0 or less where nothing is left."""
    x, y, box_width, box_height = box_xywh
    left, right = (min(max(side, 0.0), float(width)) for side in (x, x + box_width))
    top, bottom = (min(max(side, 0.0), float(height)) for side in (y, y + box_height))
    return left, top, right - left, bottom - top


def _resized(mask: Bool[np.ndarray, "h w"], height: int, width: int) -> Bool[np.ndarray, "h2 w2"]:
    """The mask at another size: pixels of which it covers more than half, so that disjoint masks stay disjoint."""
    if mask.shape == (height, width):
        return mask
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
