"""Merge hierarchies of an image, and the best of their segments.

A hierarchy is a region graph and segments as unions of its regions: every merge of several greedy orders, holes filled,
and the connected pieces of what is left beside a merge that spans the image, which finds objects that the merging
swallows into a textured background one by one. Segments of different hierarchies are unions of different regions; the
pixels that two of them share follow from how many pixels every two regions share, so that masks are drawn once, of the
segments that are kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.overlaps import suppress
from empaste.proposals.contours import watershed_regions
from empaste.proposals.felzenszwalb import graph_segmentation
from empaste.proposals.merging import Cost, merge_greedily
from empaste.proposals.objectness import objectness
from empaste.proposals.region_graph import RegionGraph, consecutive, describe_regions, segment_boxes_xyxy, to_lab

SPANS = 0.9
"""A merge whose box is longer than this share of the image, in a dimension, counts as background to look beside."""

MEAN_SHIFT = (6, 20)
"""Spatial and colour radius of the mean-shift filter, in pixels and grey levels."""

SMOOTHING = 1.2
"""Standard deviation in pixels of the smoothing under which colours are compared: a sensor's noise is no texture."""


class Hierarchy(NamedTuple):
    """Regions, and segments as unions of them. Where several stand in a row, their segments count through."""

    graph: RegionGraph
    membership: Bool[np.ndarray, "s n"]


def merge_hierarchies(
    image: UInt8[np.ndarray, "h w 3"],
    scales: Sequence[float],
    sigma: float,
    min_region: float,
    costs: Sequence[Cost],
    contours: Float[np.ndarray, "h w"] | None = None,
) -> list[Hierarchy]:
    """One hierarchy per scale of the regions, and one of the basins of ``contours``; all of ``costs`` in each.

    Regions are those of P. Felzenszwalb, D. Huttenlocher (IJCV 2004) in the image after a mean-shift filter (D.
    Comaniciu, P. Meer, TPAMI 2002). ``min_region``, the smallest one as a share of the image, bounds their number, and
    so the time.
    """
    filtered = cv2.pyrMeanShiftFiltering(image, *MEAN_SHIFT, maxLevel=0)
    lab = to_lab(cv2.GaussianBlur(image, (0, 0), SMOOTHING))
    min_size = max(1, int(min_region * image.shape[0] * image.shape[1]))
    labels = [consecutive(graph_segmentation(filtered, scale, sigma, min_size)) for scale in scales]
    if contours is not None:
        labels.append(watershed_regions(contours, min_size))
    return [_merge(describe_regions(lab, regions, contours), costs) for regions in labels]


def _merge(graph: RegionGraph, costs: Sequence[Cost]) -> Hierarchy:
    regions = np.eye(len(graph.areas), dtype=bool)
    merges = distinct_rows(np.concatenate([regions, *(merge_greedily(graph, cost) for cost in costs)]))
    beside = pieces_beside(merges[_spans_image(merges, graph, SPANS)], graph)
    return Hierarchy(graph, distinct_rows(fill_holes(np.concatenate([merges, beside]), graph)))


def best_segments(
    hierarchies: Sequence[Hierarchy], min_area: float, max_extent: float, max_iou: float
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores, best first, of the segments that pass `filters.is_eligible` and repeat no better one.

    A segment repeats another where their IoU is over ``max_iou``.
    """
    hierarchies = [_eligible(hierarchy, min_area, max_extent) for hierarchy in hierarchies]
    scores = np.concatenate([objectness(membership, graph) for graph, membership in hierarchies])
    repeats = overlap_ious(hierarchies) > max_iou
    kept = suppress(repeats, np.argsort(-scores, kind="stable"))
    return draw_segments(hierarchies, kept), scores[kept]


def _eligible(hierarchy: Hierarchy, min_area: float, max_extent: float) -> Hierarchy:
    graph, membership = hierarchy
    areas = membership @ graph.areas
    membership = membership[(areas >= min_area * graph.labels.size) & (areas < graph.labels.size)]
    return Hierarchy(graph, membership[~_spans_image(membership, graph, max_extent)])


def _spans_image(membership: Bool[np.ndarray, "s n"], graph: RegionGraph, max_extent: float) -> Bool[np.ndarray, " s"]:
    boxes = segment_boxes_xyxy(membership, graph)
    height, width = graph.labels.shape
    sides = boxes[:, 2:] - boxes[:, :2]
    spans: Bool[np.ndarray, " s"] = (sides >= max_extent * np.array([width, height])).any(axis=1)
    return spans


def pieces_beside(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Bool[np.ndarray, "m n"]:
    """The connected pieces of what each segment leaves over."""
    touching = graph.lengths > 0
    left, pieces = ~membership, [np.zeros((0, len(graph.areas)), bool)]
    while len(left := left[left.any(axis=1)]):
        seeds = np.zeros_like(left)
        seeds[np.arange(len(left)), left.argmax(axis=1)] = True
        pieces.append(_grow(seeds, left, touching))
        left = left & ~pieces[-1]
    return distinct_rows(np.concatenate(pieces))


def distinct_rows(rows: Bool[np.ndarray, "s n"]) -> Bool[np.ndarray, "m n"]:
    """Each different row once, in the order of `numpy.unique`, which takes several times as long on bits."""
    packed = np.packbits(rows, axis=1)
    _, first = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True)
    return rows[first]


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


def overlap_ious(hierarchies: Sequence[Hierarchy]) -> Float[np.ndarray, "s s"]:
    """The IoU of every two segments."""
    shared = np.concatenate([np.concatenate([_shared_pixels(a, b) for b in hierarchies], axis=1) for a in hierarchies])
    areas = np.diag(shared)
    ious: Float[np.ndarray, "s s"] = shared / (areas[:, None] + areas[None] - shared)
    return ious


def _shared_pixels(a: Hierarchy, b: Hierarchy) -> Float[np.ndarray, "s1 s2"]:
    sizes = len(a.graph.areas), len(b.graph.areas)
    pairs = (a.graph.labels * sizes[1] + b.graph.labels).ravel()
    common = np.bincount(pairs, minlength=sizes[0] * sizes[1]).reshape(sizes).astype(np.float32)
    return a.membership.astype(np.float32) @ common @ b.membership.T.astype(np.float32)


def draw_segments(hierarchies: Sequence[Hierarchy], rows: Int[np.ndarray, " k"]) -> Bool[np.ndarray, "k h w"]:
    """The masks of the segments numbered ``rows``, in that order."""
    masks = np.zeros((len(rows), *hierarchies[0].graph.labels.shape), bool)
    ends = np.cumsum([len(membership) for _, membership in hierarchies])
    for mask, row in zip(masks, rows, strict=True):
        which = int(np.searchsorted(ends, row, side="right"))
        graph, membership = hierarchies[which]
        np.take(membership[row - ends[which]], graph.labels, out=mask, mode="clip")
    return masks
