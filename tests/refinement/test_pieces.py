"""The connected pieces of a map, on maps drawn by hand."""

from typing import Any

import numpy as np
import pytest

from empaste.masks import decode_mask
from empaste.refinement.pieces import find_pieces, find_void
from tests.refinement.scenes import tiny_settings

ALL: dict[str, Any] = {"min_area": 0.0, "min_piece": 0.0, "max_instances": 9}
Box = tuple[int, int, int, int]


def chances_of(*boxes: Box) -> np.ndarray:
    """A map of 20 × 30 pixels: 0.9 in the boxes (top, left, height, width), 0.1 elsewhere."""
    chances = np.full((20, 30), 0.1, np.float32)
    for top, left, height, width in boxes:
        chances[top : top + height, left : left + width] = 0.9
    return chances


def drawn(chances: np.ndarray, **changes: Any) -> list[Box]:
    """The boxes of the pieces, which fill them."""
    found = find_pieces(chances, chances, tiny_settings(**ALL | changes))
    masks = [decode_mask(one.mask_rle) for one in found]
    boxes = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append((int(rows[0]), int(columns[0]), len(rows), len(columns)))
        assert mask.sum() == len(rows) * len(columns)
    return boxes


def test_the_largest_piece_comes_first() -> None:
    small, large, middle = (0, 0, 2, 2), (5, 5, 5, 5), (15, 20, 3, 4)
    assert drawn(chances_of(small, large, middle)) == [large, middle, small]


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ((0, 9, 2, 3), (6, 2, 2, 3)),
        ((0, 9, 2, 3), (1, 2, 3, 2)),
        ((1, 20, 3, 2), (2, 0, 2, 3)),
        ((4, 1, 2, 2), (4, 9, 2, 2)),
    ],
)
def test_of_two_of_one_size_the_upper_comes_first_and_of_two_as_high_the_left_one(upper: Box, lower: Box) -> None:
    assert drawn(chances_of(upper, lower)) == [upper, lower]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    found = find_pieces(chances_of((0, 0, 2, 2), (2, 2, 2, 2)), chances_of(), tiny_settings(**ALL))
    assert [int(decode_mask(one.mask_rle).sum()) for one in found] == [8]


def test_a_pixel_at_the_threshold_is_outside() -> None:
    chances = np.full((20, 30), 0.5)
    assert drawn(chances) == []
    chances[3:5, 3:6] = np.nextafter(0.5, 1)
    assert drawn(chances) == [(3, 3, 2, 3)]
    assert drawn(chances_of((0, 0, 4, 4)), threshold=0.95) == []
    assert drawn(chances_of((0, 0, 4, 4)), threshold=0.05) == [(0, 0, 20, 30)]


def test_pieces_under_a_share_of_the_image_are_dropped() -> None:
    chances = chances_of((0, 0, 2, 3), (10, 10, 1, 5))
    assert drawn(chances, min_area=0.01) == [(0, 0, 2, 3)]  # 6 of 600 pixels
    assert drawn(chances, min_area=0.011) == []


def test_pieces_under_a_share_of_the_largest_are_dropped() -> None:
    chances = chances_of((0, 0, 4, 5), (10, 0, 1, 5), (10, 20, 2, 2))
    assert drawn(chances, min_piece=0.25) == [(0, 0, 4, 5), (10, 0, 1, 5)]
    assert drawn(chances, min_piece=1.0) == [(0, 0, 4, 5)]


def test_the_largest_are_kept() -> None:
    chances = chances_of((0, 0, 2, 2), (5, 5, 5, 5), (15, 20, 3, 4))
    assert drawn(chances, max_instances=2) == [(5, 5, 5, 5), (15, 20, 3, 4)]


def test_nothing_over_the_threshold_gives_nothing() -> None:
    assert drawn(chances_of(), min_area=0.003, min_piece=0.25) == []


def test_confidence_is_the_mean_of_the_networks_map_in_the_piece() -> None:
    prob = np.zeros((20, 30), np.float32)
    prob[0:4, 0:2], prob[0:4, 2:4] = 1.0, 0.5
    [one] = find_pieces(chances_of((0, 0, 4, 4)), prob, tiny_settings(**ALL))
    assert one.confidence == pytest.approx(0.75)


def left_over(chances: np.ndarray, **changes: Any) -> np.ndarray | None:
    """The void pixels beside the pieces."""
    settings = tiny_settings(**ALL | changes)
    void = find_void(chances, find_pieces(chances, chances, settings), settings)
    return None if void is None else decode_mask(void)


def test_pieces_that_are_no_instance_are_void() -> None:
    chances = chances_of((0, 0, 2, 2), (5, 5, 5, 5), (15, 20, 3, 4))
    void = left_over(chances, max_instances=1, void_threshold=0.5)
    assert void is not None
    assert np.array_equal(void, chances_of((0, 0, 2, 2), (15, 20, 3, 4)) > 0.5)


def test_pixels_between_the_thresholds_are_void_and_one_at_the_lower_is_not() -> None:
    chances = chances_of((5, 5, 5, 5))
    chances[0, 0], chances[0, 1] = 0.4, np.nextafter(np.float32(0.4), np.float32(1))
    void = left_over(chances, void_threshold=float(np.float32(0.4)))
    assert void is not None
    assert np.argwhere(void).tolist() == [[0, 1]]


@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_without_a_pixel_beside_the_instances_nothing_is_void(threshold: float) -> None:
    assert left_over(chances_of((5, 5, 5, 5)), void_threshold=threshold) is None
    assert left_over(np.ones((20, 30), np.float32), void_threshold=1.0, threshold=0.5, max_instances=1) is None
