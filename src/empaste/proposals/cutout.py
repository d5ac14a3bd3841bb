"""What a network cuts out of the image and of windows in it: pieces of salience maps.

The networks learned to separate the foreground of any kind from the background: U²-Net (X. Qin et al., Pattern
Recognition 2020), IS-Net (X. Qin et al., ECCV 2022), BiRefNet (P. Zheng et al., CAAI AIR 2024) and others, in ONNX.
They know no classes, but learned from *masks* (of DUTS, DIS5K and others): a run on them is not supervised by
image-level labels alone.

Such a network shows all foreground in one map. What lies apart in it are several segments, at several thresholds; and
what does not stand out in the whole image may do so in a part of it, so that windows of a regular grid are shown to the
network, too. What a window cuts off is no whole thing and left out.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import Field

from empaste.errors import install_command
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.pretrained import no_segments, shows_nothing
from empaste.proposals.saliency import SalienceNetwork, load_network, salience_map
from empaste.proposals.suppression import best_unlike
from empaste.settings import Count, Fraction

Level = Annotated[float, Field(ge=0, lt=1)]
PerSide = Annotated[int, Field(ge=2, le=8)]


class CutoutSettings(SalienceNetwork):
    """A salience network, the windows that it sees, and which pieces of its maps are segments."""

    max_side: Count
    levels: Annotated[list[Level], Field(min_length=1)]
    min_piece: Fraction
    windows: list[PerSide]
    max_iou: Fraction


class Window(NamedTuple):
    """A part of the image, in pixels; the ends are not in it."""

    top: int
    bottom: int
    left: int
    right: int


def propose(image: UInt8[np.ndarray, "h w 3"], settings: CutoutSettings, context: Context) -> Segments:
    """The pieces of the maps of the image and of its windows, best score first; none where all maps are empty.

    Of two segments whose IoU is over ``max_iou`` the better one stays.
    """
    if shows_nothing(image):
        return no_segments(image)
    network, (height, width) = context.network(), image.shape[:2]
    found: list[tuple[Bool[np.ndarray, "h w"], float]] = []
    for window in [Window(0, height, 0, width), *grid_windows(height, width, settings.windows)]:
        crop = np.ascontiguousarray(image[window.top : window.bottom, window.left : window.right])
        if shows_nothing(crop):
            continue
        salience = salience_map(network, crop, settings, context.file_name)
        for piece, score in pieces_of(salience, settings.levels, settings.min_piece * height * width):
            if not _is_cut_off(piece, window, (height, width)):
                found.append((_placed(piece, window, (height, width)), score))
    if not found:
        return no_segments(image)
    masks, scores = np.stack([mask for mask, _ in found]), np.array([score for _, score in found])
    kept = best_unlike(masks, scores, settings.max_iou)
    return masks[kept], scores[kept]


def grid_windows(height: int, width: int, per_side: Sequence[int]) -> Iterator[Window]:
    """For each k of ``per_side`` k × k windows, row by row, that fill the image and overlap their neighbours by half.

    A window's sides are 2 / (k + 1) of the image's.
    """
    for k in per_side:
        rows, columns = ([round(step * side / (k + 1)) for step in range(k + 2)] for side in (height, width))
        for i in range(k):
            for j in range(k):
                yield Window(rows[i], rows[i + 2], columns[j], columns[j + 2])


def pieces_of(
    salience: Float[np.ndarray, "h w"], levels: Sequence[float], min_area: float
) -> Iterator[tuple[Bool[np.ndarray, "h w"], float]]:
    """What lies over each level, as a whole and in its connected pieces of at least ``min_area`` pixels, with scores.

    The score is how well the mask agrees with the map inside the mask's box: the soft intersection over union, 1 where
    the map is 1 in the mask and 0 around it.
    """
    for level in levels:
        over = salience > level
        count, labels, statistics, _ = cv2.connectedComponentsWithStats(over.view(np.uint8), connectivity=8)
        large = [label for label in range(1, count) if statistics[label, cv2.CC_STAT_AREA] >= min_area]
        masks = [labels == label for label in large]
        if len(large) > 1:
            masks.append(over)
        for mask in masks:
            yield mask, _agreement(mask, salience)


def _agreement(mask: Bool[np.ndarray, "h w"], salience: Float[np.ndarray, "h w"]) -> float:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = float(salience[mask].sum(dtype=float))
    around = max(float(salience[box].sum(dtype=float)) - inside, 0.0)
    return min(inside / (np.count_nonzero(mask) + around), 1.0)


def _is_cut_off(piece: Bool[np.ndarray, "h w"], window: Window, size_hw: tuple[int, int]) -> bool:
    """Whether ``piece`` reaches an edge of the window at which the image goes on."""
    height, width = size_hw
    return bool(
        (window.top > 0 and piece[0].any())
        or (window.bottom < height and piece[-1].any())
        or (window.left > 0 and piece[:, 0].any())
        or (window.right < width and piece[:, -1].any())
    )


def _placed(piece: Bool[np.ndarray, "h w"], window: Window, size_hw: tuple[int, int]) -> Bool[np.ndarray, "h2 w2"]:
    """``piece`` of the window as a mask of the image."""
    mask = np.zeros(size_hw, bool)
    mask[window.top : window.bottom, window.left : window.right] = piece
    return mask


METHOD = Method(
    "cutout",
    propose,
    CutoutSettings,
    learned_from="masks (of salient objects; its model says which)",
    runs="in one process",
    load=load_network,
    asks=("model",),
    needs=("onnxruntime",),
    install=install_command("cutout"),
)
