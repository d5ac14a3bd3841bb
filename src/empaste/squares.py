"""An image in the square that a network sees: where it lies there, and how much of each pixel a mask covers."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.images import GRAY, blurred

BLUR = 0.1
"""Sigma of `blur_square`, as a share of the square's side: objects dissolve, the scene's colours stay."""


class SquareFrame(NamedTuple):
    """Where `fit_square` puts an image: its size in the square, and its upper left corner there, in pixels."""

    height: int
    width: int
    top: int
    left: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """The rows and columns of the square that the image takes up."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def square_frame(height: int, width: int, side: int) -> SquareFrame:
    """The place of an image of ``height`` × ``width`` in a square: the longest side fills it, the rest is centred."""
    scale = side / max(height, width)
    inner_h, inner_w = max(1, round(height * scale)), max(1, round(width * scale))
    return SquareFrame(inner_h, inner_w, (side - inner_h) // 2, (side - inner_w) // 2)


def fit_square(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "side side 3"]:
    """``image`` resized to fill a square of ``side`` pixels with its longest side, the rest gray."""
    height, width = image.shape[:2]
    frame = square_frame(height, width, side)
    shrinks = frame.height < height or frame.width < width
    inner = cv2.resize(
        image, (frame.width, frame.height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    if inner.shape[:2] == (side, side):
        return inner
    square = np.full((side, side, 3), GRAY, np.uint8)
    square[frame.inside] = inner
    return square


def blur_square(square: UInt8[np.ndarray, "side side 3"], frame: SquareFrame) -> UInt8[np.ndarray, "side side 3"]:
    """``square`` of `fit_square` with its image blurred by `BLUR`, what pads it as it was."""
    soft = square.copy()
    soft[frame.inside] = blurred(np.ascontiguousarray(square[frame.inside]), BLUR * len(square))
    return soft


def fit_square_mask(
    mask: Bool[np.ndarray, "h w"] | Float[np.ndarray, "h w"], side: int
) -> Float[np.ndarray, "side side"]:
    """How much of each pixel of `fit_square`'s square ``mask`` covers, in [0, 1] (float32); nothing outside the image.

    A soft mask covers a pixel in part.

    What is narrower than a pixel of the square covers its share of it, so that it does not vanish.
    """
    height, width = mask.shape
    frame = square_frame(height, width, side)
    shrinks = frame.height < height or frame.width < width
    size_wh = (frame.width, frame.height)
    inner = cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    square = np.zeros((side, side), np.float32)
    square[frame.inside] = inner
    return square
