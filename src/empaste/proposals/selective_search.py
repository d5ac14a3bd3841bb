"""Selective search that keeps masks: several segmentations, each merged under several likenesses, every merge kept.

J. Uijlings et al.: Selective search for object recognition, IJCV 2013. It learned from no masks.

Notes
-----
Departs from the paper: masks instead of boxes; the segmentations are those of a mean-shift filtered image at several
scales instead of several colour spaces; beside the likeness of the paper they merge by size and fit alone, by the
strength of the common boundary, and by the growth of the colour variance; and what `hierarchies` adds to the merges.
Segments are ranked by objectness instead of at random.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.hierarchies import best_segments, merge_hierarchies
from empaste.proposals.merging import boundary_cost, fit_cost, likeness_cost, variance_cost

COSTS = (likeness_cost, fit_cost, boundary_cost, variance_cost)
"""The orders in which every segmentation is merged."""


def propose(
    image: UInt8[np.ndarray, "h w 3"],
    min_area: float,
    max_extent: float,
    scales: Sequence[float],
    sigma: float,
    min_region: float,
    max_iou: float,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the segments of all merges that pass `filters.is_eligible`, best score first.

    Of two segments whose IoU is over ``max_iou`` the better one stays; `hierarchies.merge_hierarchies` explains the
    others.
    """
    return best_segments(merge_hierarchies(image, scales, sigma, min_region, COSTS), min_area, max_extent, max_iou)
