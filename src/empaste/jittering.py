"""What the detector sees of a composite: large-scale jittering, flip, random brightness and contrast.

Large-scale jittering: Ghiasi et al., "Simple copy-paste is a strong data augmentation method", 2021. The ranges of
brightness and contrast are those of the EM-Paste authors' training; EM-Paste §4 gives the probability.

Notes
-----
The papers pad at the right and at the bottom; here the image lies anywhere in the padding, which varies positions too.

Of a mask only what is seen of its instance is computed. The image is resized whole and then cut: OpenCV's resize is so
fast that a warp of the visible part alone takes longer, and cutting first would move the image by parts of a pixel.
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
    """An image with its instances: masks of 0 and 1, and for each the label that the detector learns.

    ``void`` is 1 where nobody knows what the image shows; None where there is no such pixel.
    """

    image: UInt8[np.ndarray, "h w 3"]
    masks: UInt8[np.ndarray, "n h w"]
    labels: Int[np.ndarray, " n"]
    void: UInt8[np.ndarray, "h w"] | None = None


class Window(NamedTuple):
    """Along one axis: the part of the zoomed image that is seen, and the part of the canvas that it fills."""

    seen: slice
    canvas: slice


class Frame(NamedTuple):
    """Where an image of ``zoomed_hw`` pixels lies on a canvas of ``size`` × ``size``; ``flip`` mirrors the canvas."""

    size: int
    zoomed_hw: tuple[int, int]
    rows: Window
    columns: Window
    flip: bool = False


def augment(sample: Sample, size: int, jitter: Sequence[float], rng: np.random.Generator) -> Sample:
    """A random view of ``sample`` on a square canvas of ``size`` pixels.

    At zoom 1 the longest side fills the canvas; the zoom is drawn from the range ``jitter``. Instances without a pixel
    in the view are dropped, so that none may be left.
    """
    frame, colours = draw_view(sample.image.shape[:2], size, jitter, rng)
    view = show(sample, frame)
    return view._replace(image=recolour(view.image, *colours))


def draw_view(
    size_hw: tuple[int, ...], size: int, jitter: Sequence[float], rng: np.random.Generator
) -> tuple[Frame, tuple[float, float]]:
    """What `augment` does with an image of ``size_hw`` pixels: its frame, and (brightness, contrast)."""
    low, high = jitter
    frame = choose_frame(size_hw, size, rng.uniform(low, high), (rng.random(), rng.random()))
    frame = frame._replace(flip=bool(rng.random() < FLIP_PROB))
    brightness = rng.uniform(*BRIGHTNESS) if rng.random() < COLOUR_PROB else 1.0
    contrast = rng.uniform(*CONTRAST) if rng.random() < COLOUR_PROB else 1.0
    return frame, (brightness, contrast)


def jitter_scale(sample: Sample, size: int, zoom: float, place: tuple[float, float]) -> Sample:
    """``sample`` zoomed and cut to, or padded with gray to, ``size`` × ``size``.

    ``place`` (down, right), in [0, 1), chooses among the possible positions of the crop or of the image in the padding.
    """
    return show(sample, choose_frame(sample.image.shape[:2], size, zoom, place))


def choose_frame(size_hw: tuple[int, ...], size: int, zoom: float, place: tuple[float, float]) -> Frame:
    """The frame of an image of ``size_hw`` pixels; see `jitter_scale`."""
    scale = zoom * size / max(size_hw)
    height, width = (max(1, round(side * scale)) for side in size_hw)
    return Frame(size, (height, width), _window(height, size, place[0]), _window(width, size, place[1]))


def show(sample: Sample, frame: Frame) -> Sample:
    """What of ``sample`` is seen in ``frame``, with the instances of which anything is."""
    masks, visible = frame_masks(sample.masks, frame)
    void = None if sample.void is None else next(iter(frame_masks(sample.void[None], frame)[0]), None)
    return Sample(frame_image(sample.image, frame), masks, sample.labels[visible], void)


def frame_image(image: UInt8[np.ndarray, "h w 3"], frame: Frame) -> UInt8[np.ndarray, "s s 3"]:
    """``image`` in ``frame``, gray around it; averaged over areas where it shrinks, interpolated where it grows."""
    shrinks = frame.zoomed_hw[0] < image.shape[0]
    zoomed = cv2.resize(image, frame.zoomed_hw[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    canvas = np.full((frame.size, frame.size, 3), GRAY, np.uint8)
    canvas[frame.rows.canvas, frame.columns.canvas] = zoomed[frame.rows.seen, frame.columns.seen]
    return cv2.flip(canvas, 1) if frame.flip else canvas


def frame_masks(masks: UInt8[np.ndarray, "n h w"], frame: Frame) -> tuple[UInt8[np.ndarray, "m s s"], list[int]]:
    """Those of ``masks`` of which ``frame`` shows a pixel, by their nearest pixels, and which these are."""
    rows, columns = (
        _nearest(side, zoomed)[window.seen]
        for side, zoomed, window in zip(masks.shape[1:], frame.zoomed_hw, (frame.rows, frame.columns), strict=True)
    )
    pieces = [_piece(mask, rows, columns) for mask in masks]
    visible = [number for number, (_, piece) in enumerate(pieces) if piece.any()]
    canvases = np.zeros((len(visible), frame.size, frame.size), np.uint8)
    mirrored = canvases[:, :, ::-1] if frame.flip else canvases
    for window, number in zip(mirrored[:, frame.rows.canvas, frame.columns.canvas], visible, strict=True):
        (top, left), piece = pieces[number]
        window[top : top + piece.shape[0], left : left + piece.shape[1]] = piece
    return canvases, visible


def recolour(image: UInt8[np.ndarray, "h w 3"], brightness: float, contrast: float) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` with its distance from its mean scaled by ``contrast``, then all scaled by ``brightness``."""
    if brightness == contrast == 1:
        return image
    mean = sum(cv2.sumElems(image)) / image.size
    values = brightness * (contrast * np.arange(256) + (1 - contrast) * mean)
    return cv2.LUT(image, np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _window(side: int, size: int, share: float) -> Window:
    offset = int(share * (abs(side - size) + 1))
    length = min(side, size)
    whole, shifted = slice(0, length), slice(offset, offset + length)
    return Window(shifted, whole) if side > size else Window(whole, shifted)


def _piece(
    mask: UInt8[np.ndarray, "h w"], rows: Int[np.ndarray, " r"], columns: Int[np.ndarray, " c"]
) -> tuple[tuple[int, int], UInt8[np.ndarray, "h2 w2"]]:
    """The part of ``mask[rows][:, columns]`` inside the mask's tight box, and where in it that part begins."""
    x, y, width, height = cv2.boundingRect(mask)
    top, bottom = np.searchsorted(rows, (y, y + height))
    left, right = np.searchsorted(columns, (x, x + width))
    piece = mask[y : y + height].take(columns[left:right], axis=1).take(rows[top:bottom] - y, axis=0)
    return (int(top), int(left)), piece


def _nearest(side: int, zoomed: int) -> Int[np.ndarray, " zoomed"]:
    """Which of ``side`` pixels is nearest to each of the ``zoomed`` ones, by OpenCV's own rule."""
    places = np.arange(side, dtype=np.int32)[None]
    nearest: Int[np.ndarray, " zoomed"] = cv2.resize(places, (zoomed, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0]
    return nearest
