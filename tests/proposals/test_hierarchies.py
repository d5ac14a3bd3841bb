"""Hole filling, what is left beside a merge, and overlaps across hierarchies, on label maps drawn by hand."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from empaste.masks import encode_mask
from empaste.overlaps import mask_ious
from empaste.proposals.hierarchies import (
    Hierarchy,
    best_segments,
    distinct_rows,
    draw_segments,
    fill_holes,
    overlap_ious,
    pieces_beside,
)
from empaste.proposals.region_graph import RegionGraph, describe_regions


def stripes(lightness: Sequence[float]) -> RegionGraph:
    lab = np.zeros((4, 4 * len(lightness), 3), np.float32)
    lab[..., 0] = np.repeat(lightness, 4)
    return describe_regions(lab, np.tile(np.repeat(np.arange(len(lightness)), 4), (4, 1)))


def rows(matrix: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(np.flatnonzero(row).tolist()) for row in matrix}


def test_hole_needs_a_closed_ring() -> None:
    labels = np.zeros((5, 5), int)
    labels[1:4, 1:4] = 1
    labels[2, 2] = 2
    graph = describe_regions(np.zeros((5, 5, 3), np.float32), labels)
    assert rows(fill_holes(np.array([[False, True, False]]), graph)) == {(1, 2)}
    assert rows(fill_holes(np.array([[True, False, False]]), graph)) == {(0, 1, 2)}
    assert rows(fill_holes(np.array([[False, False, True]]), graph)) == {(2,)}


def test_pieces_beside_are_connected() -> None:
    graph = stripes([1, 2, 3, 4, 5])
    assert rows(pieces_beside(np.array([[False, False, True, False, False]]), graph)) == {(0, 1), (3, 4)}


def test_nothing_beside_everything() -> None:
    assert pieces_beside(np.ones((1, 3), bool), stripes([1, 2, 3])).shape == (0, 3)


def test_each_piece_beside_several_segments_comes_once() -> None:
    graph = stripes([1, 2, 3, 4, 5])
    found = pieces_beside(np.array([[False, True, False, True, False], [False, True, True, True, False]]), graph)
    assert rows(found) == {(0,), (2,), (4,)}
    assert len(found) == 3


@given(hnp.arrays(bool, st.tuples(st.integers(0, 12), st.integers(1, 20))))
def test_distinct_rows_are_in_the_order_of_numpy(matrix: np.ndarray) -> None:
    np.testing.assert_array_equal(distinct_rows(matrix), np.unique(matrix, axis=0))


def two_hierarchies() -> list[Hierarchy]:
    """The same 8 × 8 image as four columns and as two rows, every union of neighbours a segment."""
    columns = np.repeat(np.arange(4), 2)[None].repeat(8, axis=0)
    halves = np.repeat(np.arange(2), 4)[:, None].repeat(8, axis=1)
    lab = np.random.default_rng(0).uniform(0, 50, (8, 8, 3)).astype(np.float32)
    unions = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1]], bool)
    return [
        Hierarchy(describe_regions(lab, columns), unions),
        Hierarchy(describe_regions(lab, halves), np.array([[1, 0], [0, 1]], bool)),
    ]


def test_overlaps_equal_those_of_the_masks() -> None:
    hierarchies = two_hierarchies()
    rles = [encode_mask(mask) for mask in draw_segments(hierarchies, np.arange(5))]
    assert np.allclose(overlap_ious(hierarchies), mask_ious(rles, rles))


def test_segments_are_drawn_in_the_order_asked_for() -> None:
    masks = draw_segments(two_hierarchies(), np.array([4, 1]))
    assert masks[0, 4:].all()
    assert not masks[0, :4].any()
    assert masks[1, :, :4].all()
    assert not masks[1, :, 4:].any()


def test_segments_that_span_the_image_or_are_small_are_left_out() -> None:
    masks, scores = best_segments(two_hierarchies(), min_area=0.0, max_extent=1.1, max_iou=1.0)
    assert len(masks) == len(scores) == 5
    assert len(best_segments(two_hierarchies(), min_area=0.3, max_extent=1.1, max_iou=1.0)[0]) == 4
    assert len(best_segments(two_hierarchies(), min_area=0.0, max_extent=1.0, max_iou=1.0)[0]) == 0


def test_no_two_segments_overlap_by_more_than_the_limit() -> None:
    masks, scores = best_segments(two_hierarchies(), min_area=0.0, max_extent=1.1, max_iou=0.4)
    rles = [encode_mask(mask) for mask in masks]
    ious = mask_ious(rles, rles) - np.eye(len(rles))
    assert 1 < len(masks) < 5
    assert ious.max() <= 0.4
    assert np.all(np.diff(scores) <= 0)
