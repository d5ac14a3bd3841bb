"""Boxes change their form and come back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from empaste.boxes import box_ious, xywh_to_xyxy, xyxy_to_xywh

COORDINATES = st.lists(st.tuples(*[st.integers(-1000, 1000)] * 4), max_size=8)


def test_known_boxes() -> None:
    assert xywh_to_xyxy(np.array([[2, 3, 10, 20], [0, 0, 0, 0]])).tolist() == [[2, 3, 12, 23], [0, 0, 0, 0]]
    assert xyxy_to_xywh(np.array([[2, 3, 12, 23]])).tolist() == [[2, 3, 10, 20]]


def test_half_pixels_and_whole_numbers_give_floats() -> None:
    assert xywh_to_xyxy(np.array([[0.5, 1, 2, 3]])).tolist() == [[0.5, 1, 2.5, 4]]
    assert xywh_to_xyxy(np.array([[1, 1, 2, 3]], np.uint8)).dtype == float
    assert xyxy_to_xywh(np.array([[5, 5, 2, 2]], np.uint8)).tolist() == [[5, 5, -3, -3]]


def test_no_boxes_keep_four_columns() -> None:
    assert xywh_to_xyxy(np.zeros((0, 4))).shape == xyxy_to_xywh(np.array([])).shape == (0, 4)


@given(COORDINATES)
def test_there_and_back(rows: list[tuple[int, int, int, int]]) -> None:
    boxes = np.array(rows, float).reshape(-1, 4)
    assert (xyxy_to_xywh(xywh_to_xyxy(boxes)) == boxes).all()
    assert (xywh_to_xyxy(xyxy_to_xywh(boxes)) == boxes).all()


def test_ious_of_every_pair() -> None:
    ious = box_ious([[0, 0, 10, 10], [0, 0, 5, 10]], [[0, 0, 10, 10], [20, 20, 3, 3], [5, 0, 10, 10]])
    np.testing.assert_allclose(ious, [[1, 0, 50 / 150], [0.5, 0, 0]])
    assert box_ious([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert box_ious([[0, 0, 1, 1]], []).shape == (1, 0)
