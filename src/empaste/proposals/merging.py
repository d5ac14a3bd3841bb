"""Greedy merging of a region graph: the neighbours of the lowest cost become one, until one region is left.

The scheme of J. Uijlings et al.: Selective search for object recognition, IJCV 2013, Algorithm 1, with the cost as an
argument. A cost is ``cost(graph, region, near) -> (k,)``: what merging ``region`` with each of its k neighbours
``near`` would cost, from the statistics of the regions as merged so far.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.proposals.region_graph import RegionGraph

Cost = Callable[[RegionGraph, int, Int[np.ndarray, " k"]], Float[np.ndarray, " k"]]

FULL_STEP = 20.0
"""The colour step (CIE Lab, between neighbouring pixels) across a boundary that counts as 1."""


def merge_greedily(graph: RegionGraph, cost: Cost) -> Bool[np.ndarray, "m n"]:
    """The union made by each of the n-1 merges, in order; ties go to the lower numbers."""
    num = len(graph.areas)
    merged = _own_statistics(graph)
    members, unions = np.eye(num, dtype=bool), np.zeros((num - 1, num), bool)
    costs = np.full((num, num), np.inf)
    for region in range(num):
        near = np.flatnonzero(merged.lengths[region])
        costs[region, near] = cost(merged, region, near)
    nearest = costs.argmin(axis=1)
    lowest = costs[np.arange(num), nearest]
    for step in range(num - 1):
        a = int(lowest.argmin())
        a, b = sorted((a, int(nearest[a])))
        _merge(merged, a, b)
        members[a] |= members[b]
        unions[step] = members[a]
        near = np.flatnonzero(merged.lengths[a])
        costs[b] = costs[:, b] = lowest[b] = np.inf
        costs[a, near] = costs[near, a] = cost(merged, a, near)
        changed = np.append(near, a)
        nearest[changed] = costs[changed].argmin(axis=1)
        lowest[changed] = costs[changed, nearest[changed]]
    return unions


def _own_statistics(graph: RegionGraph) -> RegionGraph:
    """A copy whose statistics may be merged in place."""
    names = ("areas", "boxes_xyxy", "colours", "colour_histograms", "texture_histograms", "lengths", "strengths")
    return replace(graph, **{name: getattr(graph, name).copy() for name in names})


def _merge(graph: RegionGraph, a: int, b: int) -> None:
    """Region ``a`` becomes the union of both; ``b`` touches nothing any more."""
    for statistic in (graph.areas, graph.colours, graph.colour_histograms, graph.texture_histograms):
        statistic[a] += statistic[b]
    boxes = graph.boxes_xyxy
    boxes[a, :2] = np.minimum(boxes[a, :2], boxes[b, :2])
    boxes[a, 2:] = np.maximum(boxes[a, 2:], boxes[b, 2:])
    for pairwise in (graph.lengths, graph.strengths):
        pairwise[a] += pairwise[b]
        pairwise[a, a] = 0
        pairwise[:, a] = pairwise[a]
        pairwise[b] = pairwise[:, b] = 0


def likeness_cost(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Selective search: small compact unions first (`fit_cost`), less the likeness in colour and in texture."""
    likeness = _colour_likeness(graph, region, near) + _texture_likeness(graph, region, near)
    costs: Float[np.ndarray, " k"] = fit_cost(graph, region, near) - likeness
    return costs


def fit_cost(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The box of the union as a share of the image: small compact unions come first.

    Selective search's size and fill together: the share of the union, and of what its box holds besides.
    """
    starts = np.minimum(graph.boxes_xyxy[region, :2], graph.boxes_xyxy[near, :2])
    ends = np.maximum(graph.boxes_xyxy[region, 2:], graph.boxes_xyxy[near, 2:])
    costs: Float[np.ndarray, " k"] = np.prod(ends - starts, axis=1) / graph.labels.size
    return costs


def boundary_cost(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The mean step across the common boundary: of colour, or of the contours."""
    steps: Float[np.ndarray, " k"] = graph.strengths[region, near] / graph.lengths[region, near]
    return steps


def variance_cost(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Ward's criterion: the growth of the sum of squared colour differences to the regions' means."""
    areas = graph.areas
    step = graph.colours[region] / areas[region] - graph.colours[near] / areas[near, None]
    apart = np.square(step).sum(axis=1)
    growth: Float[np.ndarray, " k"] = apart * areas[region] * areas[near] / (areas[region] + areas[near])
    return growth


def enclosure_cost(boundary_weight: float) -> Cost:
    """The cost by which regions that enclose each other merge before those that hardly touch.

    One minus the likeness in colour and texture, plus the weight times the mean colour step across the common boundary,
    over the square root of that boundary's share of the shorter outline.
    """

    def cost(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        likeness = (3 * _colour_likeness(graph, region, near) + _texture_likeness(graph, region, near)) / 4
        outlines = np.minimum(graph.lengths[near].sum(axis=1), graph.lengths[region].sum())
        step = boundary_cost(graph, region, near) / FULL_STEP
        enclosure = np.sqrt(graph.lengths[region, near] / outlines)
        costs: Float[np.ndarray, " k"] = (1 - likeness + boundary_weight * step) / enclosure
        return costs

    return cost


def _colour_likeness(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    return _intersection(graph.colour_histograms, graph.areas, region, near)


def _texture_likeness(graph: RegionGraph, region: int, near: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    return _intersection(graph.texture_histograms, graph.areas, region, near)


def _intersection(
    histograms: Float[np.ndarray, "n bins"], areas: Float[np.ndarray, " n"], region: int, near: Int[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Intersection of the normalised histograms, in [0, 1]."""
    own, others = histograms[region] / areas[region], histograms[near] / areas[near, None]
    shares: Float[np.ndarray, " k"] = np.minimum(own, others).sum(axis=1) / own.sum()
    return shares
