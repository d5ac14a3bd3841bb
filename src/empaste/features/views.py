"""How a segment is shown to a network: cropped on gray (EM-Paste §3.1), or in its place on gray or on a blurred image.

A view is prepared once per image; what it gives then shows one segment in a square, given its mask and the tight box
of that mask, which is not empty.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from empaste.images import GRAY, RGB, mixed
from empaste.masks import mask_box_xywh
from empaste.squares import blur_square, fit_square, fit_square_mask, square_frame

BoxXYWH: TypeAlias = tuple[int, int, int, int]
Show: TypeAlias = Callable[[Bool[np.ndarray, "h w"], BoxXYWH], UInt8[np.ndarray, "side side 3"]]
View: TypeAlias = Callable[[RGB, int, int], Show]
"""Takes an image, the erosion in pixels, and the side of the square."""


def crop_on_gray(image: RGB, erosion: int, side: int) -> Show:
    """The segment's box cropped, what is in it but not in the segment gray, fitted into the square.

    The mask is eroded first, which removes specks; one that the erosion (``erosion`` pixels, a square element) would
    empty is kept whole. The image's edge does not erode.
    """
    return partial(show_on_gray, image, erosion=erosion, side=side)


def in_place_on_gray(image: RGB, erosion: int, side: int) -> Show:
    """The image fitted into the square with everything gray outside the segment, which is not eroded."""
    return partial(_show_in_place, fit_square(image, side), np.full((side, side, 3), GRAY, np.uint8))


def in_place_on_blur(image: RGB, erosion: int, side: int) -> Show:
    """The image fitted into the square, blurred (`blur_square`) outside the segment, which is not eroded.

    What pads the square is gray.
    """
    square = fit_square(image, side)
    rest = blur_square(square, square_frame(image.shape[0], image.shape[1], side))
    return partial(_show_in_place, square, rest)


def _show_in_place(
    square: RGB, rest: RGB, mask: Bool[np.ndarray, "h w"], box_xywh: BoxXYWH
) -> UInt8[np.ndarray, "side side 3"]:
    return mixed(square, rest, fit_square_mask(mask, len(square)))


def show_on_gray(
    image: RGB, mask: Bool[np.ndarray, "h w"], box_xywh: BoxXYWH, erosion: int, side: int
) -> UInt8[np.ndarray, "side side 3"]:
    """The segment as `crop_on_gray` shows it."""
    x, y, width, height = box_xywh
    # One pixel more around the box, where the image has one, so that the box's own edge erodes.
    top, left = max(0, y - 1), max(0, x - 1)
    crop = mask[top : y + height + 1, left : x + width + 1]
    kept = _erode(crop, erosion)
    inner_x, inner_y, inner_w, inner_h = mask_box_xywh(kept)
    inside = kept[inner_y : inner_y + inner_h, inner_x : inner_x + inner_w]
    top, left = top + inner_y, left + inner_x
    pixels = image[top : top + inner_h, left : left + inner_w]
    on_gray = np.full_like(pixels, GRAY)
    cv2.copyTo(pixels, np.ascontiguousarray(inside).view(np.uint8), on_gray)
    return fit_square(on_gray, side)


def _erode(mask: Bool[np.ndarray, "h w"], erosion: int) -> Bool[np.ndarray, "h w"]:
    if not erosion:
        return mask
    eroded = cv2.erode(np.ascontiguousarray(mask).view(np.uint8), np.ones((3, 3), np.uint8), iterations=erosion)
    return eroded.view(bool) if eroded.any() else mask


VIEWS: dict[str, View] = {
    "crop": crop_on_gray,
    "in_place_gray": in_place_on_gray,
    "in_place_blur": in_place_on_blur,
}
