"""Superpixels merged through a region adjacency graph under two likenesses, every merge kept.

The small form of `selective_search`: one segmentation, and two greedy orders, in which regions that enclose each other
merge before those that hardly touch, with and without regard to the boundary between them. It learned from no masks.
"""

import numpy as np
from jaxtyping import UInt8

from empaste.proposals.hierarchies import best_segments, merge_hierarchies
from empaste.proposals.merging import enclosure_cost
from empaste.proposals.method import Context, Method, Segments
from empaste.settings import Fraction, NonNegative, PositiveFloat, Settings


class HierarchicalSettings(Settings):
    """One segmentation, and the orders in which its regions merge."""

    scale: PositiveFloat
    sigma: NonNegative
    min_region: Fraction
    boundary_weight: NonNegative
    max_iou: Fraction


def propose(image: UInt8[np.ndarray, "h w 3"], settings: HierarchicalSettings, context: Context) -> Segments:
    """Masks and scores of the merge hierarchy's segments that pass `filters.is_eligible`, best score first.

    Of two segments whose IoU is over ``max_iou`` the better one stays; `hierarchies.merge_hierarchies` explains the
    others.
    """
    costs = (enclosure_cost(0.0), enclosure_cost(settings.boundary_weight))
    hierarchies = merge_hierarchies(image, [settings.scale], settings.sigma, settings.min_region, costs)
    return best_segments(hierarchies, context.settings.min_area, context.settings.max_extent, settings.max_iou)


METHOD = Method("hierarchical", propose, HierarchicalSettings, learned_from="nothing", speed="350")
