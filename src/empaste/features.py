"""One vector and one probability row per segment (EM-Paste §3.1: ``h = phi(O)``), computed once.

A segment is shown to the classifier on gray: its mask eroded, which removes specks, the minimum bounding box of what is
left cropped, everything outside the mask gray, fitted into the classifier's square input with gray around it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.artifacts.classifier import TrainedClassifier, classify_squares
from empaste.backbones import fit_square
from empaste.images import GRAY
from empaste.masks import mask_box_xywh

RGB = UInt8[np.ndarray, "h w 3"]
Item = TypeVar("Item")
Result = TypeVar("Result")


def show_on_gray(
    image: RGB, mask: Bool[np.ndarray, "h w"], box_xywh: tuple[int, int, int, int], erosion: int, side: int
) -> UInt8[np.ndarray, "side side 3"]:
    """The segment as the classifier sees it; ``box_xywh`` is the tight box of ``mask``, which is not empty.

    A mask that the erosion by ``erosion`` pixels (a square element) would empty is kept whole. The image's edge does
    not erode.
    """
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


def segment_features(
    classifier: TrainedClassifier, crops_per_image: Iterable[UInt8[np.ndarray, "k side side 3"]], batch_size: int
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n d"]]:
    """Probabilities and ``phi`` of all crops in order, never holding more than a batch and one image's crops."""
    return classify_squares(classifier, rebatch(crops_per_image, batch_size))


def rebatch(arrays: Iterable[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
    """The rows of ``arrays`` in order, in batches of ``batch_size``; the last may be smaller, none is empty."""
    waiting: list[np.ndarray] = []
    for array in arrays:
        waiting.append(array)
        while sum(map(len, waiting)) >= batch_size:
            joined = np.concatenate(waiting)
            yield joined[:batch_size]
            waiting = [joined[batch_size:]]
    if sum(map(len, waiting)):
        yield np.concatenate(waiting)


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 4) -> Iterator[Result]:
    """Yield ``function(item)`` in order while threads compute the next ``ahead``, so that memory stays bounded."""
    running: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
