"""Greedy merging, and each cost, on label maps drawn by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from empaste.proposals.merging import (
    Cost,
    boundary_cost,
    enclosure_cost,
    fit_cost,
    likeness_cost,
    merge_greedily,
    variance_cost,
)
from empaste.proposals.region_graph import RegionGraph, describe_regions

COSTS = [likeness_cost, fit_cost, boundary_cost, variance_cost, enclosure_cost(0.0), enclosure_cost(1.0)]


def stripes(lightness: Sequence[float], widths: Sequence[int] | None = None) -> RegionGraph:
    columns = np.repeat(np.arange(len(lightness)), widths or 4)
    lab = np.zeros((4, len(columns), 3), np.float32)
    lab[..., 0] = np.array(lightness)[columns]
    return describe_regions(lab, columns[None].repeat(4, axis=0))


@pytest.mark.parametrize("cost", COSTS)
def test_every_merge_is_kept_and_the_last_is_everything(cost: Cost) -> None:
    unions = merge_greedily(stripes([10, 12, 60, 95]), cost)
    assert unions.shape == (3, 4)
    assert unions[-1].all()
    assert np.all(np.diff(unions.sum(axis=1)) >= 0) or unions.sum(axis=1).tolist() == [2, 2, 4]


@pytest.mark.parametrize(
    "cost", [likeness_cost, boundary_cost, variance_cost, enclosure_cost(0.0), enclosure_cost(1.0)]
)
def test_most_alike_neighbours_merge_first(cost: Cost) -> None:
    graph = stripes([90, 10, 12, 60], [20] * 4)
    assert np.flatnonzero(merge_greedily(graph, cost)[0]).tolist() == [1, 2]


def test_smallest_union_comes_first_by_fit() -> None:
    assert np.flatnonzero(merge_greedily(stripes([10, 10, 90, 20], [6, 5, 2, 3]), fit_cost)[0]).tolist() == [2, 3]


def test_only_regions_that_touch_merge() -> None:
    assert np.flatnonzero(merge_greedily(stripes([10, 90, 10]), likeness_cost)[0]).tolist() != [0, 2]


@pytest.mark.parametrize("cost", COSTS)
def test_single_region_has_no_merge(cost: Cost) -> None:
    assert merge_greedily(stripes([10]), cost).shape == (0, 1)


def test_graph_is_left_alone() -> None:
    graph = stripes([10, 12, 60])
    merge_greedily(graph, variance_cost)
    assert graph.areas.tolist() == [16, 16, 16]
    assert graph.lengths.tolist() == [[0, 4, 0], [4, 0, 4], [0, 4, 0]]


def test_merged_regions_are_judged_as_one() -> None:
    """0 and 1 merge; the boundary of 2 with 3 is weaker than with what 0 and 1 have become."""
    unions = merge_greedily(stripes([10, 11, 40, 50]), boundary_cost)
    assert [np.flatnonzero(union).tolist() for union in unions] == [[0, 1], [2, 3], [0, 1, 2, 3]]


def test_size_and_fill_together_are_the_box_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    labels = np.kron(rng.permutation(63).reshape(7, 9), np.ones((11, 13), int))
    graph = describe_regions(np.zeros((*labels.shape, 3), np.float32), labels)
    near = np.arange(1, 63)
    both, (starts, ends) = graph.areas[0] + graph.areas[near], np.split(graph.boxes_xyxy, 2, axis=1)
    boxes = np.prod(np.maximum(ends[0], ends[near]) - np.minimum(starts[0], starts[near]), axis=1)
    size, fill = both / labels.size, (boxes - both) / labels.size
    assert fit_cost(graph, 0, near) == pytest.approx(size + fill)
    assert np.array_equal(fit_cost(graph, 0, near), (both + (boxes - both)) / labels.size)


def test_figures_of_the_costs() -> None:
    graph, near = stripes([10, 20, 60], [4, 2, 2]), np.array([0, 2])
    assert boundary_cost(graph, 1, near).tolist() == [10, 40]
    assert fit_cost(graph, 1, near) == pytest.approx([24 / 32, 16 / 32])
    assert variance_cost(graph, 1, near) == pytest.approx([100 * 16 * 8 / 24, 1600 * 8 * 8 / 16])
