"""Selective search that keeps masks: several segmentations, each merged under several likenesses, every merge kept.

J. Uijlings et al.: Selective search for object recognition, IJCV 2013. It learned from no masks.

Notes
-----
Departs from the paper: masks instead of boxes; the segmentations are Felzenszwalb–Huttenlocher's of a mean-shift
filtered image at several scales instead of several colour spaces; beside the paper's likeness they merge by size and
fit alone, by the strength of the common boundary, and by the growth of the colour variance; holes are filled; and the
connected pieces of what is left beside a merge that spans the image are segments too.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.felzenszwalb import graph_segmentation
from empaste.proposals.hierarchical import MEAN_SHIFT, SMOOTHING, fill_holes, pieces_beside, spans_image
from empaste.proposals.hierarchies import (
    Hierarchy,
    draw_segments,
    eligible,
    intersection_over_union,
    shared_pixels,
    suppress,
)
from empaste.proposals.merging import boundary_cost, fit_cost, likeness_cost, merge_greedily, variance_cost
from empaste.proposals.objectness import objectness
from empaste.proposals.region_graph import consecutive, describe_regions, to_lab

COSTS = (likeness_cost, fit_cost, boundary_cost, variance_cost)
"""The orders in which every segmentation is merged."""


def propose(
    image: UInt8[np.ndarray, "h w 3"],
    min_area: float,
    max_extent: float,
    scales: Sequence[float],
    sigma: float,
    min_region: float,
    duplicate_iou: float,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the segments of all merges that pass `filters.is_eligible`, best score first.

    Of two segments over ``duplicate_iou`` the better one stays.
    """
    hierarchies = [
        eligible(hierarchy, min_area, max_extent) for hierarchy in merge_hierarchies(image, scales, sigma, min_region)
    ]
    scores = np.concatenate([objectness(membership, graph) for graph, membership in hierarchies])
    repeated = intersection_over_union(shared_pixels(hierarchies)) > duplicate_iou
    kept = suppress(repeated, np.argsort(-scores, kind="stable"))
    return draw_segments(hierarchies, kept), scores[kept]


def merge_hierarchies(
    image: UInt8[np.ndarray, "h w 3"], scales: Sequence[float], sigma: float, min_region: float
) -> list[Hierarchy]:
    """Per scale the regions, and all segments as unions of them, each once."""
    filtered = cv2.pyrMeanShiftFiltering(image, *MEAN_SHIFT, maxLevel=0)
    lab = to_lab(cv2.GaussianBlur(image, (0, 0), SMOOTHING))
    min_size = max(1, int(min_region * image.shape[0] * image.shape[1]))
    found = []
    for scale in scales:
        graph = describe_regions(lab, consecutive(graph_segmentation(filtered, scale, sigma, min_size)))
        regions = np.eye(len(graph.areas), dtype=bool)
        merges = np.unique(np.concatenate([regions, *(merge_greedily(graph, cost) for cost in COSTS)]), axis=0)
        beside = pieces_beside(merges[spans_image(merges, graph)], graph)
        found.append(Hierarchy(graph, np.unique(fill_holes(np.concatenate([merges, beside]), graph), axis=0)))
    return found
