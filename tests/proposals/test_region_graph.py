"""Region statistics of hand-made label maps."""

import numpy as np

from empaste.proposals.region_graph import (
    RegionGraph,
    border_pairs,
    consecutive,
    contour_steps,
    describe_regions,
    draw,
    segment_boxes_xyxy,
)

LABELS = np.array([[0, 0, 1], [2, 1, 1], [2, 2, 2]])


def graph_of(labels: np.ndarray, lab: np.ndarray | None = None) -> RegionGraph:
    lab = np.zeros((*labels.shape, 3), np.float32) if lab is None else lab
    return describe_regions(lab, labels)


def test_areas_boxes_and_frame() -> None:
    graph = graph_of(LABELS)
    assert graph.areas.tolist() == [2, 3, 4]
    assert graph.boxes_xyxy.tolist() == [[0, 0, 2, 1], [1, 0, 3, 2], [0, 1, 3, 3]]
    assert graph.frame_lengths.tolist() == [3, 3, 6]


def test_border_lengths_count_pixel_pairs() -> None:
    assert graph_of(LABELS).lengths.tolist() == [[0, 2, 1], [2, 0, 3], [1, 3, 0]]


def test_strengths_sum_the_colour_steps() -> None:
    lab = np.zeros((1, 3, 3), np.float32)
    lab[0, 2] = (3, 4, 0)
    graph = graph_of(np.array([[0, 0, 1]]), lab)
    assert graph.strengths.tolist() == [[0, 5], [5, 0]]


def test_strengths_sum_the_contours_where_there_are_any() -> None:
    contours = np.array([[0.5, 0.25, 0.75]], np.float32)
    graph = describe_regions(np.zeros((1, 3, 3), np.float32), np.array([[0, 0, 1]]), contours)
    assert graph.by_contours
    assert graph.strengths.tolist() == [[0, 0.5], [0.5, 0]]
    assert not graph_of(LABELS).by_contours


def test_border_pairs_name_both_sides_and_the_step() -> None:
    steps = contour_steps(np.array([[0, 1], [0.5, 1]], np.float32))
    before, behind, step = border_pairs(np.array([[0, 1], [2, 1]]), steps)
    assert list(zip(before, behind, step, strict=True)) == [(0, 2, 0.25), (0, 1, 0.5), (2, 1, 0.75)]


def test_histograms_count_every_pixel_once_per_channel() -> None:
    graph = graph_of(LABELS)
    assert graph.histograms.reshape(3, 4, -1).sum(axis=2).tolist() == [[2] * 4, [3] * 4, [4] * 4]


def test_consecutive_splits_what_touches_at_corners_only() -> None:
    pieces = consecutive(np.array([[5, 9], [9, 5]]))
    assert sorted(pieces.ravel().tolist()) == [0, 1, 2, 3]


def test_unions_are_drawn_and_boxed() -> None:
    graph = graph_of(LABELS)
    membership = np.array([[True, True, False], [False, False, True]])
    assert np.array_equal(draw(membership, graph), np.array([LABELS < 2, LABELS == 2]))
    assert segment_boxes_xyxy(membership, graph).tolist() == [[0, 0, 3, 2], [0, 1, 3, 3]]
