"""How a pasted object meets its new background: a soft edge, a ring of its old one, Poisson cloning, or a hard edge.

EM-Paste §3 names the soft edge, Poisson cloning and none.

Every blending takes the piece of the image under the object's box and gives it anew. ``coverage`` says how much of
a pixel is object, 0 … 255; the object's *mask* is where that is at least half. Beyond the mask ``colour`` goes on with
the colours of the nearest object pixel, so that no old background is blurred in. Poisson cloning and the ring are given
the object's old surroundings instead (``keeps_surroundings``): they carry over the contrast to them, or some of them.
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


def soft_margin(blur_sigma: float) -> int:
    """How far a Gaussian of ``blur_sigma`` changes the image, in pixels; what is further off adds less than 2.5 %."""
    return ceil(2 * blur_sigma) + 1


class Blended(NamedTuple):
    """A patch with an object in it.

    ``hidden`` is where it shows more of the object, or of its old surroundings, than of what was there, so that what
    was annotated there is not seen any more; None: on the object's mask alone.
    """

    patch: UInt8[np.ndarray, "h w 3"]
    hidden: Bool[np.ndarray, "h w"] | None = None


class Blending(NamedTuple):
    """A method: ``blend(patch, colour, coverage, blur_sigma)`` gives the patch with the object in it.

    One that ``keeps_surroundings`` is given the object in its old surroundings; the others get its own colours,
    continued.
    """

    blend: Callable[[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"], float], Blended]
    keeps_surroundings: bool = False
    margin: Callable[[float], int] = soft_margin
    """Pixels around the object that it is given along, by ``blur_sigma``: as far as it changes the image."""


def blend_gaussian(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> Blended:
    """The edge of the object is a ramp: its coverage, blurred by ``blur_sigma`` pixels, is its opacity.

    The object keeps at least half of every pixel of its mask, and less than half of every other, so that thin parts
    do not fade away under an annotation that says that they are there.
    """
    side = 2 * ceil(2 * blur_sigma) + 1  # what is further off would add less than 2.5 %
    blurred = cv2.GaussianBlur(coverage, (side, side), blur_sigma, borderType=cv2.BORDER_REPLICATE)
    return Blended(_mix(patch, colour, _soft_edge(coverage, blurred)))


def blend_box_blur(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> Blended:
    """As `blend_gaussian`, with a mean over a square, as wide as the Gaussian: a straight ramp that ends sharply."""
    side = 2 * max(1, round((sqrt(12 * blur_sigma**2 + 1) - 1) / 2)) + 1
    blurred = cv2.blur(coverage, (side, side), borderType=cv2.BORDER_REPLICATE)
    return Blended(_mix(patch, colour, _soft_edge(coverage, blurred)))


def _soft_edge(coverage: UInt8[np.ndarray, "h w"], blurred: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """``blurred`` as opacity, at least half on the object's mask and less beside it."""
    _, least = cv2.threshold(coverage, HALF - 1, HALF, cv2.THRESH_BINARY)  # HALF on the mask, 0 beside it
    return cv2.min(cv2.max(blurred, least), least + np.uint8(HALF - 1))


def _mix(
    patch: UInt8[np.ndarray, "h w 3"], colour: UInt8[np.ndarray, "h w 3"], opacity: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    weights = opacity.astype(np.float32)
    return cv2.blendLinear(colour, patch, weights, 255 - weights)


def blend_ring(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> Blended:
    """The object with a ring of its old surroundings, ``2 * blur_sigma`` pixels wide, that fades out around it.

    Along the outline the object meets what it met in its photograph, and the seam lies beyond: what a network learns of
    outlines here, it can use on photographs. A soft or hard edge instead gives every pasted object away by its seam.
    """
    opacity = _ring_opacity(coverage, blur_sigma)
    return Blended(_mix(patch, colour, opacity), opacity >= HALF)


def _ring_opacity(coverage: UInt8[np.ndarray, "h w"], blur_sigma: float) -> UInt8[np.ndarray, "h w"]:
    """255 on the object, half of that where the ring ends, nothing beyond."""
    side = 2 * ceil(2 * blur_sigma) + 1
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    ring = cv2.dilate((coverage >= HALF).astype(np.uint8) * 255, reach)
    blurred = cv2.GaussianBlur(ring, (side, side), blur_sigma, borderType=cv2.BORDER_REPLICATE)
    return cv2.max(blurred, coverage)


def ring_margin(blur_sigma: float) -> int:
    """How far the ring and what fades out beyond it reach, in pixels."""
    return 2 * ceil(2 * blur_sigma) + 1


def poisson_margin(blur_sigma: float) -> int:
    """How far `blend_poisson` changes the image, in pixels, whatever ``blur_sigma`` is."""
    return POISSON_MARGIN


def blend_poisson(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> Blended:
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
    rim = POISSON_MARGIN
    around, source = (cv2.copyMakeBorder(piece, rim, rim, rim, rim, cv2.BORDER_REPLICATE) for piece in (patch, colour))
    reach = np.ones((2 * POISSON_RIM + 1, 2 * POISSON_RIM + 1), np.uint8)
    cloned_mask = cv2.dilate(np.pad(mask, rim), reach) * 255
    x, y, width, height = cv2.boundingRect(cloned_mask)
    cloned = cv2.seamlessClone(source, around, cloned_mask, (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    return Blended(np.ascontiguousarray(cloned[rim:-rim, rim:-rim]))


def blend_none(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> Blended:
    """The object's mask, copied."""
    mask: Bool[np.ndarray, "h w"] = coverage >= HALF
    return Blended(np.where(mask[..., None], colour, patch))
