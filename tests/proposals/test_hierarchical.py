"""Merging, hole filling and what is left beside a merge, on label maps drawn by hand."""

import numpy as np

from empaste.proposals.hierarchical import fill_holes, merge_order, pieces_beside, without_duplicates
from empaste.proposals.region_graph import describe_regions


def stripes(lightness):
    lab = np.zeros((4, 4 * len(lightness), 3), np.float32)
    lab[..., 0] = np.repeat(lightness, 4)
    return describe_regions(lab, np.tile(np.repeat(np.arange(len(lightness)), 4), (4, 1)))


def rows(matrix):
    return {tuple(np.flatnonzero(row).tolist()) for row in matrix}


def test_most_alike_neighbours_merge_first():
    assert np.flatnonzero(merge_order(stripes([10, 12, 60, 95]), 0.0)[0]).tolist() == [0, 1]


def test_every_merge_is_kept_and_the_last_is_everything():
    unions = merge_order(stripes([10, 12, 60, 95]), 1.0)
    assert unions.shape == (3, 4)
    assert unions[-1].all()


def test_only_regions_that_touch_merge():
    unions = merge_order(stripes([10, 90, 10]), 0.0)
    assert np.flatnonzero(unions[0]).tolist() != [0, 2]


def test_single_region_has_no_merge():
    assert merge_order(stripes([10]), 1.0).shape == (0, 1)


def test_hole_needs_a_closed_ring():
    labels = np.zeros((5, 5), int)
    labels[1:4, 1:4] = 1
    labels[2, 2] = 2
    graph = describe_regions(np.zeros((5, 5, 3), np.float32), labels)
    assert rows(fill_holes(np.array([[False, True, False]]), graph)) == {(1, 2)}
    assert rows(fill_holes(np.array([[True, False, False]]), graph)) == {(0, 1, 2)}
    assert rows(fill_holes(np.array([[False, False, True]]), graph)) == {(2,)}


def test_pieces_beside_are_connected():
    graph = stripes([1, 2, 3, 4, 5])
    assert rows(pieces_beside(np.array([[False, False, True, False, False]]), graph)) == {(0, 1), (3, 4)}


def test_nothing_beside_everything():
    assert pieces_beside(np.ones((1, 3), bool), stripes([1, 2, 3])).shape == (0, 3)


def test_duplicates_lose_to_earlier_rows():
    membership = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    areas = np.array([10.0, 9, 1])
    assert without_duplicates(membership, areas, 0.94).tolist() == [0, 2]
    assert without_duplicates(membership, areas, 0.96).tolist() == [0, 1, 2]
