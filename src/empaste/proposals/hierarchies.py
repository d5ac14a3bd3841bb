"""Several merge hierarchies of one image as one set of segments: what they share, which repeat, their masks.

Segments of different hierarchies are unions of different regions. The pixels that two of them share follow from how
many pixels every two regions share, so that masks are drawn once, of the segments that are kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.proposals.region_graph import RegionGraph, segment_boxes_xyxy


class Hierarchy(NamedTuple):
    """Regions, and segments as unions of them. Where several stand in a row, their segments count through."""

    graph: RegionGraph
    membership: Bool[np.ndarray, "s n"]


def eligible(hierarchy: Hierarchy, min_area: float, max_extent: float) -> Hierarchy:
    """Without the segments that `filters.is_eligible` drops."""
    graph, membership = hierarchy
    height, width = graph.labels.shape
    membership = membership[membership @ graph.areas >= min_area * height * width]
    boxes = segment_boxes_xyxy(membership, graph)
    spans = boxes[:, 2:] - boxes[:, :2] >= max_extent * np.array([width, height])
    return Hierarchy(graph, membership[~spans.any(axis=1)])


def shared_pixels(hierarchies: Sequence[Hierarchy]) -> Float[np.ndarray, "s s"]:
    """How many pixels every two segments share; the diagonal holds their areas."""
    return np.concatenate([np.concatenate([_shared(a, b) for b in hierarchies], axis=1) for a in hierarchies])


def _shared(a: Hierarchy, b: Hierarchy) -> Float[np.ndarray, "s1 s2"]:
    sizes = len(a.graph.areas), len(b.graph.areas)
    pairs = (a.graph.labels * sizes[1] + b.graph.labels).ravel()
    common = np.bincount(pairs, minlength=sizes[0] * sizes[1]).reshape(sizes).astype(np.float32)
    return a.membership.astype(np.float32) @ common @ b.membership.T.astype(np.float32)


def intersection_over_union(shared: Float[np.ndarray, "s s"]) -> Float[np.ndarray, "s s"]:
    """The IoU of every two segments, from the pixels they share."""
    areas = np.diag(shared)
    return shared / (areas[:, None] + areas[None] - shared)


def suppress(clash: Bool[np.ndarray, "s s"], order: Int[np.ndarray, " s"]) -> Int[np.ndarray, " k"]:
    """What is left of ``order`` when, from its beginning, each one that is kept drops all it clashes with."""
    left = np.ones(len(clash), bool)
    kept: list[int] = []
    for row in order:
        if left[row]:
            kept.append(row)
            left &= ~clash[row]
    return np.array(kept, int)


def draw_segments(hierarchies: Sequence[Hierarchy], rows: Int[np.ndarray, " k"]) -> Bool[np.ndarray, "k h w"]:
    """The masks of the segments numbered ``rows``, in that order."""
    masks = np.zeros((len(rows), *hierarchies[0].graph.labels.shape), bool)
    ends = np.cumsum([len(membership) for _, membership in hierarchies])
    for mask, row in zip(masks, rows, strict=True):
        which = int(np.searchsorted(ends, row, side="right"))
        graph, membership = hierarchies[which]
        np.take(membership[row - ends[which]], graph.labels, out=mask, mode="clip")
    return masks
