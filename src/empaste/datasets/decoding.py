"""From a decoded photograph and its outlines to what `prepare` writes: a JPEG and masks in one upright frame."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from jaxtyping import Bool
from PIL import Image

from empaste.datasets.records import Picture
from empaste.errors import InputError
from empaste.images import encode_rgb, fit_within
from empaste.photographs import TRANSPOSED, Photograph

JPEG_LIMIT = 65500
"""The longest side that a JPEG file can have."""


def to_picture(
    photograph: Photograph,
    class_ids: tuple[int, ...],
    masks: Sequence[tuple[int, Bool[np.ndarray, "h w"], int]],
    max_side: int,
    name: str,
    void: Bool[np.ndarray, "h w"] | None = None,
) -> Picture:
    """The picture with its longest side at most ``max_side`` (0: any), its masks along; ``name`` is for errors.

    A mask of which nothing is left, after shrinking or from the start, is dropped; void grows over every pixel that it
    touches, and leaves the masks their own.
    """
    image = fit_within(photograph.image, max_side)
    height, width = image.shape[:2]
    if max(height, width) > JPEG_LIMIT:
        raise InputError(f"{name} is {width} × {height} pixels; allowed are {JPEG_LIMIT} a side: set prepare.max_side")
    kept = photograph.plain_jpeg if image is photograph.image else None
    shrunk = [(class_id, _resized(mask, height, width), crowd) for class_id, mask, crowd in masks]
    return Picture(
        kept or encode_rgb(image, ".jpg", 95),
        height,
        width,
        class_ids,
        tuple(one for one in shrunk if one[1].any()),
        None if void is None else _void(void, [mask for _, mask, _ in shrunk], height, width),
    )


def _void(
    void: Bool[np.ndarray, "h w"], masks: Sequence[Bool[np.ndarray, "h2 w2"]], height: int, width: int
) -> Bool[np.ndarray, "h2 w2"]:
    touched = cv2.resize(void.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    for mask in masks:
        touched &= ~mask
    return touched


def masks_upright(
    photograph: Photograph, size_hw: tuple[int, int] | None, draw: Callable[[int, int], np.ndarray], name: str
) -> np.ndarray:
    """Masks that ``draw(height, width)`` gives (n, height, width), in the frame of the upright photograph.

    ``size_hw`` is the size that the annotation states (None: that of the photograph). Where it is the size of the
    pixels as stored, before EXIF turned them, the masks are turned along; any other size is an `InputError`.
    """
    height, width = photograph.image.shape[:2]
    if size_hw in (None, (height, width)):
        return draw(height, width)
    if photograph.orientation >= 5 and size_hw == (width, height):
        turn = TRANSPOSED[photograph.orientation]
        stored = [Image.fromarray(mask.astype(np.uint8)).transpose(turn) for mask in draw(width, height)]
        return np.array([np.asarray(mask) > 0 for mask in stored]).reshape(-1, height, width)
    stated_height, stated_width = size_hw
    raise InputError(
        f"{name} is {width} × {height} pixels, but its annotations are for {stated_width} × {stated_height}; "
        "correct width and height there, or restore the image that was annotated"
    )


def _resized(mask: Bool[np.ndarray, "h w"], height: int, width: int) -> Bool[np.ndarray, "h2 w2"]:
    """The mask at another size: pixels of which it covers more than half, so that disjoint masks stay disjoint."""
    if mask.shape == (height, width):
        return mask
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
