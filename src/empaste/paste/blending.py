"""How a pasted object meets its new background: a soft edge, Poisson cloning, or a hard edge (EM-Paste §3).

Every blending takes the piece of the image under the object's box and returns it anew. ``coverage`` says how much of
a pixel is object, 0 … 255; the object's *mask* is where that is at least half. Beyond the mask ``colour`` goes on with
the colours of the nearest object pixel, so that no old background is blurred in. Poisson cloning alone is given the
object's old surroundings instead (``keeps_surroundings``), because it carries over the contrast to them.
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

HALF = 128
"""Least coverage of a pixel that belongs to the object."""

MIN_POISSON_CORE = 16
"""Poisson: an object that keeps fewer pixels when its rim is taken off is copied instead."""

POISSON_RIM = 4
"""Poisson: pixels of surroundings that are cloned along with the object; see `blend_poisson`."""

POISSON_MARGIN = POISSON_RIM + 2
"""Poisson: pixels of surroundings that an object is given along."""


class Blending(NamedTuple):
    """A method: ``blend(patch, colour, coverage, blur_sigma)`` gives the patch with the object in it.

    One that ``keeps_surroundings`` is given the object in its old surroundings; the others get its own colours,
    continued.
    """

    blend: Callable[
        [UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"], float],
        UInt8[np.ndarray, "h w 3"],
    ]
    keeps_surroundings: bool = False

    def margin(self, blur_sigma: float) -> int:
        """Pixels around the object that it is given along: as far as it changes the image."""
        return POISSON_MARGIN if self.keeps_surroundings else ceil(2 * blur_sigma) + 1


def blend_gaussian(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The edge of the object is a ramp: its coverage, blurred by ``blur_sigma`` pixels, is its opacity.

    The object keeps at least half of every pixel of its mask, and less than half of every other, so that thin parts
    do not fade away under an annotation that says that they are there.
    """
    side = 2 * ceil(2 * blur_sigma) + 1  # what is further off would add less than 2.5 %
    blurred = cv2.GaussianBlur(coverage, (side, side), blur_sigma, borderType=cv2.BORDER_REPLICATE)
    return _blend(patch, colour, coverage, blurred)


def blend_box_blur(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """As `blend_gaussian`, with a mean over a square, as wide as the Gaussian: a straight ramp that ends sharply."""
    side = 2 * max(1, round((sqrt(12 * blur_sigma**2 + 1) - 1) / 2)) + 1
    return _blend(patch, colour, coverage, cv2.blur(coverage, (side, side), borderType=cv2.BORDER_REPLICATE))


def _blend(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    opacity: UInt8[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 3"]:
    _, least = cv2.threshold(coverage, HALF - 1, HALF, cv2.THRESH_BINARY)  # HALF on the mask, 0 beside it
    opacity = cv2.min(cv2.max(opacity, least), least + np.uint8(HALF - 1)).astype(np.float32)
    return cv2.blendLinear(colour, patch, opacity, 255 - opacity)


def blend_poisson(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The object's gradients, fitted to the colours around it (Pérez et al. 2003, seamless cloning).

    ``colour`` shows the object in its old surroundings, of which `POISSON_RIM` pixels are cloned along: OpenCV takes
    the gradients of the three outermost pixels of what it clones from the new background, and the object's contour
    would vanish there. An object without a core of `MIN_POISSON_CORE` pixels inside its rim, which would be washed
    out, gets `blend_none` instead.
    """
    mask = (coverage >= HALF).astype(np.uint8)
    if np.count_nonzero(cv2.erode(np.pad(mask, 1), np.ones((3, 3), np.uint8))) < MIN_POISSON_CORE:
        return blend_none(patch, colour, coverage, blur_sigma)
    # Where the object reaches the edge of the image there is no background to fit to: the piece is continued.
    rim = POISSON_RIM + 2
    around, source = (cv2.copyMakeBorder(piece, rim, rim, rim, rim, cv2.BORDER_REPLICATE) for piece in (patch, colour))
    reach = np.ones((2 * POISSON_RIM + 1, 2 * POISSON_RIM + 1), np.uint8)
    cloned_mask = cv2.dilate(np.pad(mask, rim), reach) * 255
    x, y, width, height = cv2.boundingRect(cloned_mask)
    cloned = cv2.seamlessClone(source, around, cloned_mask, (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    return np.ascontiguousarray(cloned[rim:-rim, rim:-rim])


def blend_none(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The object's mask, copied."""
    mask: Bool[np.ndarray, "h w"] = coverage >= HALF
    return np.where(mask[..., None], colour, patch)
