"""Which segments may become foregrounds (EM-Paste §3.1): neither specks nor bands across the image."""

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.proposals.method import SharedSettings


def filtered(
    masks: Bool[np.ndarray, "n h w"], scores: Float[np.ndarray, " n"], settings: SharedSettings
) -> tuple[Bool[np.ndarray, "k h w"], Float[np.ndarray, " k"]]:
    """The ``max_segments`` best of the segments that `is_eligible`, best score first."""
    kept = np.flatnonzero(is_eligible(masks, settings.min_area, settings.max_extent))
    kept = kept[best_first(scores[kept], settings.max_segments)]
    return masks[kept], scores[kept]


def is_eligible(masks: Bool[np.ndarray, "n h w"], min_area: float, max_extent: float) -> Bool[np.ndarray, " n"]:
    """Which of ``masks`` cover at least ``min_area`` of the image and have a box that spans it in no dimension.

    A box spans the image where it is at least ``max_extent`` times as wide, or as high, as the image. Neither an empty
    mask nor the whole image is ever eligible.
    """
    height, width = masks.shape[1:]
    areas = np.count_nonzero(masks, axis=(1, 2))
    widths, heights = _occupied_span(np.any(masks, axis=1)), _occupied_span(np.any(masks, axis=2))
    spanning = (widths >= max_extent * width) | (heights >= max_extent * height)
    fitting = (areas > 0) & (areas < height * width) & (areas >= min_area * height * width)
    eligible: Bool[np.ndarray, " n"] = fitting & ~spanning
    return eligible


def best_first(scores: Float[np.ndarray, " n"], max_segments: int) -> Int[np.ndarray, " k"]:
    """The indices of the ``max_segments`` highest scores, highest first; ties in order of index."""
    return np.argsort(-scores, kind="stable")[:max_segments]


def _occupied_span(occupied: Bool[np.ndarray, "n side"]) -> Int[np.ndarray, " n"]:
    """From the first to the last occupied place of every row, both included; meaningless for an empty row."""
    spans: Int[np.ndarray, " n"] = occupied.shape[1] - occupied[:, ::-1].argmax(axis=1) - occupied.argmax(axis=1)
    return spans
