"""Superpixels merged through a region adjacency graph under two similarities, every merge kept.

After J. Uijlings et al.: Selective search for object recognition, IJCV 2013 (greedy merging, several similarities, all
levels kept), on Felzenszwalb–Huttenlocher regions of a mean-shift filtered image (D. Comaniciu, P. Meer, TPAMI 2002).
It learned from no masks.

Notes
-----
Departs from selective search: masks instead of boxes; similarities are colour and texture, and the same with the
strength of the common boundary; holes are filled; and the connected pieces of what is left beside a merge that spans
the image are segments too, which finds objects that the merging swallows into a textured background one by one.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.felzenszwalb import graph_segmentation
from empaste.proposals.objectness import objectness
from empaste.proposals.region_graph import (
    NUM_CHANNELS,
    RegionGraph,
    consecutive,
    describe_regions,
    draw,
    segment_boxes_xyxy,
    to_lab,
)

SPANS = 0.9
"""A merge whose box is longer than this share of the image, in a dimension, counts as background to look beside."""

MEAN_SHIFT = (6, 20)
"""Spatial and colour radius of the mean-shift filter, in pixels and grey levels."""

SMOOTHING = 1.2
"""Standard deviation in pixels of the smoothing under which colours are compared: a sensor's noise is no texture."""

FULL_STEP = 20.0
"""The colour step (CIE Lab, between neighbouring pixels) across a boundary that counts as 1."""


def propose(
    image: UInt8[np.ndarray, "h w 3"],
    scale: float,
    sigma: float,
    min_region: float,
    boundary_weight: float,
    duplicate_iou: float,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the merge hierarchy's segments, best score first.

    ``min_region``, the smallest region as a share of the image, bounds the number of regions, and so the time.
    """
    graph, membership = merge_hierarchy(image, scale, sigma, min_region, boundary_weight)
    scores = objectness(membership, graph)
    order = np.argsort(-scores, kind="stable")
    kept = order[without_duplicates(membership[order], graph.areas, duplicate_iou)]
    return draw(membership[kept], graph), scores[kept]


def merge_hierarchy(
    image: UInt8[np.ndarray, "h w 3"], scale: float, sigma: float, min_region: float, boundary_weight: float
) -> tuple[RegionGraph, Bool[np.ndarray, "s n"]]:
    """The regions of ``image``, and all segments as unions of them, each once."""
    filtered = cv2.pyrMeanShiftFiltering(image, *MEAN_SHIFT, maxLevel=0)
    min_size = max(1, int(min_region * image.shape[0] * image.shape[1]))
    labels = consecutive(graph_segmentation(filtered, scale, sigma, min_size))
    graph = describe_regions(to_lab(cv2.GaussianBlur(image, (0, 0), SMOOTHING)), labels)
    orders = [merge_order(graph, weight) for weight in (0.0, boundary_weight)]
    merges = np.unique(np.concatenate([np.eye(len(graph.areas), dtype=bool), *orders]), axis=0)
    beside = pieces_beside(merges[spans_image(merges, graph)], graph)
    return graph, np.unique(fill_holes(np.concatenate([merges, beside]), graph), axis=0)


def merge_order(graph: RegionGraph, boundary_weight: float) -> Bool[np.ndarray, "m n"]:
    """The union made by each of the n-1 greedy merges, in order; the next merge is that of the lowest cost.

    The cost of two neighbours is one minus the intersection of their colour and texture histograms, plus the weight
    times the mean colour step across their common boundary, over the square root of that boundary's share of the
    shorter outline: regions that enclose each other merge before those that hardly touch. Ties go to the lower numbers.
    """
    num = len(graph.areas)
    areas, histograms = graph.areas.copy(), graph.histograms.copy()
    lengths, strengths = graph.lengths.copy(), graph.strengths.copy()
    members, unions = np.eye(num, dtype=bool), np.zeros((num - 1, num), bool)
    costs = np.stack([_costs(i, areas, histograms, lengths, strengths, boundary_weight) for i in range(num)])
    for step in range(num - 1):
        a, b = divmod(int(np.argmin(costs)), num)
        for statistic in (areas, histograms, members):
            statistic[a] += statistic[b]
        for pairwise in (lengths, strengths):
            pairwise[a] += pairwise[b]
            pairwise[:, a] += pairwise[:, b]
            pairwise[a, a] = pairwise[b] = pairwise[:, b] = 0
        unions[step] = members[a]
        costs[b] = costs[:, b] = np.inf
        costs[a] = costs[:, a] = _costs(a, areas, histograms, lengths, strengths, boundary_weight)
    return unions


def _costs(
    region: int,
    areas: Float[np.ndarray, " n"],
    histograms: Float[np.ndarray, "n bins"],
    lengths: Float[np.ndarray, "n n"],
    strengths: Float[np.ndarray, "n n"],
    boundary_weight: float,
) -> Float[np.ndarray, " n"]:
    """The cost of merging ``region`` with each other region; infinite where they do not touch."""
    costs = np.full(len(areas), np.inf)
    near = np.flatnonzero(lengths[region])
    own = histograms[region] / areas[region]
    difference = np.abs(histograms[near] / areas[near, None] - own).sum(axis=1) / (2 * NUM_CHANNELS)
    step = strengths[region, near] / lengths[region, near] / FULL_STEP
    outlines = np.minimum(lengths[near].sum(axis=1), lengths[region].sum())
    costs[near] = (difference + boundary_weight * step) / np.sqrt(lengths[region, near] / outlines)
    return costs


def pieces_beside(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Bool[np.ndarray, "m n"]:
    """The connected pieces of what each segment leaves over."""
    touching = graph.lengths > 0
    pieces = [np.zeros((0, len(graph.areas)), bool)]
    for left in ~membership:
        while left.any():
            piece = np.zeros_like(left)
            piece[np.argmax(left)] = True
            pieces.append(_grow(piece[None], left[None], touching))
            left = left & ~pieces[-1][0]
    return np.unique(np.concatenate(pieces), axis=0)


def fill_holes(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Bool[np.ndarray, "s n"]:
    """The same segments with every region that cannot reach the image's frame around them added."""
    outside = ~membership & (graph.frame_lengths > 0)
    return ~_grow(outside, ~membership, graph.lengths > 0)


def _grow(
    seeds: Bool[np.ndarray, "s n"], within: Bool[np.ndarray, "s n"], touching: Bool[np.ndarray, "n n"]
) -> Bool[np.ndarray, "s n"]:
    """``seeds`` grown over touching regions as far as ``within`` allows."""
    steps = touching.astype(np.float32)
    while True:
        grown = seeds | (within & ((seeds.astype(np.float32) @ steps) > 0))
        if np.array_equal(grown, seeds):
            return seeds
        seeds = grown


def spans_image(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Bool[np.ndarray, " s"]:
    boxes = segment_boxes_xyxy(membership, graph)
    height, width = graph.labels.shape
    return ((boxes[:, 2:] - boxes[:, :2]) >= SPANS * np.array([width, height])).any(axis=1)


def without_duplicates(membership: Bool[np.ndarray, "s n"], areas: Float[np.ndarray, " n"], iou: float) -> np.ndarray:
    """The rows to keep, in order, so that no two of them overlap by more than ``iou``; earlier rows win."""
    inside = membership.astype(float)
    common = (inside * areas) @ inside.T
    size = np.diag(common)
    same = common > iou * (size[:, None] + size[None] - common)
    kept: list[int] = []
    for row in range(len(membership)):
        if not same[row, kept].any():
            kept.append(row)
    return np.array(kept, int)
