"""Superpixels merged through a region adjacency graph under two likenesses, every merge kept.

The small form of `selective_search`: one segmentation, and two greedy orders, in which regions that enclose each other
merge before those that hardly touch, with and without regard to the boundary between them. It learned from no masks.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.hierarchies import best_segments, merge_hierarchies
from empaste.proposals.merging import enclosure_cost


def propose(
    image: UInt8[np.ndarray, "h w 3"],
    min_area: float,
    max_extent: float,
    scale: float,
    sigma: float,
    min_region: float,
    boundary_weight: float,
    max_iou: float,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the merge hierarchy's segments that pass `filters.is_eligible`, best score first.

    Of two segments whose IoU is over ``max_iou`` the better one stays; `hierarchies.merge_hierarchies` explains the
    others.
    """
    costs = (enclosure_cost(0.0), enclosure_cost(boundary_weight))
    return best_segments(merge_hierarchies(image, [scale], sigma, min_region, costs), min_area, max_extent, max_iou)
