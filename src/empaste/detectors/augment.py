"""What the detector sees of a composite: large-scale jittering, flip, random brightness and contrast.

Large-scale jittering: Ghiasi et al., "Simple copy-paste is a strong data augmentation method", 2021. The ranges of
brightness and contrast are those of the EM-Paste authors' training; EM-Paste §4 gives the probability.

Notes
-----
The papers pad at the right and at the bottom; here the image lies anywhere in the padding, which varies positions too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Int, UInt8

from empaste.images import GRAY

FLIP_PROB = 0.5
COLOUR_PROB = 0.5
BRIGHTNESS = (0.9, 1.1)
CONTRAST = (0.5, 1.5)


class Sample(NamedTuple):
    """An image with its instances: masks of 0 and 1, and for each the label that the detector learns."""

    image: UInt8[np.ndarray, "h w 3"]
    masks: UInt8[np.ndarray, "n h w"]
    labels: Int[np.ndarray, " n"]


def augment(sample: Sample, size: int, jitter: Sequence[float], rng: np.random.Generator) -> Sample:
    """A random view of ``sample`` on a square canvas of ``size`` pixels.

    At zoom 1 the longest side fills the canvas; the zoom is drawn from the range ``jitter``. Instances without a pixel
    in the view are dropped, so that none may be left.
    """
    low, high = jitter
    view = jitter_scale(sample, size, rng.uniform(low, high), (rng.random(), rng.random()))
    if rng.random() < FLIP_PROB:
        view = Sample(view.image[:, ::-1], view.masks[:, :, ::-1], view.labels)
    brightness = rng.uniform(*BRIGHTNESS) if rng.random() < COLOUR_PROB else 1.0
    contrast = rng.uniform(*CONTRAST) if rng.random() < COLOUR_PROB else 1.0
    return view._replace(image=recolour(view.image, brightness, contrast))


def jitter_scale(sample: Sample, size: int, zoom: float, place: tuple[float, float]) -> Sample:
    """``sample`` zoomed and cut to, or padded with gray to, ``size`` × ``size``.

    ``place`` (down, right), in [0, 1), chooses among the possible positions of the crop or of the image in the padding.
    """
    height, width = sample.image.shape[:2]
    scale = zoom * size / max(height, width)
    size_hw = max(1, round(height * scale)), max(1, round(width * scale))
    windows = [_window(side, size, share) for side, share in zip(size_hw, place, strict=True)]
    image = _framed(sample.image, size_hw, windows, size, GRAY)
    masks = [_framed(mask, size_hw, windows, size, 0) for mask in sample.masks]
    visible = [k for k, mask in enumerate(masks) if mask.any()]
    stacked = np.stack([masks[k] for k in visible]) if visible else np.zeros((0, size, size), np.uint8)
    return Sample(image, stacked, sample.labels[visible])


def recolour(image: UInt8[np.ndarray, "h w 3"], brightness: float, contrast: float) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` with its distance from its mean scaled by ``contrast``, then all scaled by ``brightness``."""
    if brightness == contrast == 1:
        return image
    values = brightness * (contrast * np.arange(256) + (1 - contrast) * image.mean())
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)[image]


def _window(side: int, size: int, share: float) -> tuple[slice, slice]:
    """(part of the zoomed image, part of the canvas) along one axis."""
    offset = int(share * (abs(side - size) + 1))
    length = min(side, size)
    whole, shifted = slice(0, length), slice(offset, offset + length)
    return (shifted, whole) if side > size else (whole, shifted)


def _framed(
    array: np.ndarray, size_hw: tuple[int, int], windows: Sequence[tuple[slice, slice]], size: int, fill: int
) -> np.ndarray:
    """``array`` resized, its windows laid onto a canvas of ``fill``; masks by their nearest pixel."""
    if array.ndim == 2:
        interpolation = cv2.INTER_NEAREST_EXACT
    else:
        interpolation = cv2.INTER_AREA if size_hw[0] < array.shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(array, size_hw[::-1], interpolation=interpolation)
    canvas = np.full((size, size, *array.shape[2:]), fill, np.uint8)
    (from_rows, to_rows), (from_columns, to_columns) = windows
    canvas[to_rows, to_columns] = resized[from_rows, from_columns]
    return canvas
