"""How a pasted object meets its new background: Gaussian feathering, Poisson cloning, or a hard edge (EM-Paste §3).

Every blending takes the piece of the image under the object's box and returns it anew. ``coverage`` says how much of
a pixel is object, 0 … 255; the object's *mask* is where that is at least half. ``colour`` goes on beyond the mask with
the colours of the nearest object pixel, so that no blending draws in the object's old surroundings.
"""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

HALF = 128
"""Least coverage of a pixel that belongs to the object."""

MIN_POISSON_CORE = 16
"""Poisson: an object that keeps fewer pixels when its rim is taken off is feathered instead."""


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
    opacity = cv2.GaussianBlur(coverage, (0, 0), blur_sigma, borderType=cv2.BORDER_REPLICATE)
    mask = coverage >= HALF
    opacity = np.where(mask, np.maximum(opacity, HALF), np.minimum(opacity, HALF - 1)).astype(np.float32)
    return cv2.blendLinear(colour, patch, opacity, 255 - opacity)


def blend_poisson(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The object's gradients, fitted to the colours around it (Pérez et al. 2003, seamless cloning).

    An object without a core of `MIN_POISSON_CORE` pixels inside its rim, which the surroundings would wash out, gets
    `blend_gaussian` instead.
    """
    mask = np.pad((coverage >= HALF).astype(np.uint8), 2)
    core = cv2.erode(mask, np.ones((3, 3), np.uint8))
    if np.count_nonzero(core) < MIN_POISSON_CORE:
        return blend_gaussian(patch, colour, coverage, blur_sigma)
    # Where the object reaches the edge of the image there is no background to fit to: the piece is continued.
    around, source = (cv2.copyMakeBorder(piece, 2, 2, 2, 2, cv2.BORDER_REPLICATE) for piece in (patch, colour))
    x, y, width, height = cv2.boundingRect(mask)
    centre = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(source, around, mask * 255, centre, cv2.NORMAL_CLONE)
    return np.ascontiguousarray(cloned[2:-2, 2:-2])


def blend_none(
    patch: UInt8[np.ndarray, "h w 3"],
    colour: UInt8[np.ndarray, "h w 3"],
    coverage: UInt8[np.ndarray, "h w"],
    blur_sigma: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """The object's mask, copied."""
    mask: Bool[np.ndarray, "h w"] = coverage >= HALF
    return np.where(mask[..., None], colour, patch)
