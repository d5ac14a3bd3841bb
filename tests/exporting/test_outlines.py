"""Masks as outlines, runs and codes: what is drawn back is what went in."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from empaste.exporting.label_studio import brush_code
from empaste.exporting.outlines import count_parts, cropped, filled_polygon, row_runs
from empaste.masks import encode_mask
from tests.exporting.brush_codes import read_brush

MASKS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.booleans()).filter(np.any)


@given(MASKS)
@settings(max_examples=80, deadline=None)
def test_a_polygon_fills_to_its_pieces_without_holes(mask: np.ndarray) -> None:
    polygon = filled_polygon(encode_mask(mask))
    assert len(polygon) >= 3
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [polygon.astype(np.int32)], 1)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    assert (drawn >= filled).all()
    if len(contours) == 1:
        np.testing.assert_array_equal(drawn, filled)


@given(MASKS)
@settings(max_examples=50, deadline=None)
def test_runs_and_codes_give_the_mask_back(mask: np.ndarray) -> None:
    runs = row_runs(mask)
    np.testing.assert_array_equal(np.repeat(np.arange(len(runs)) % 2, runs).reshape(mask.shape), mask)
    np.testing.assert_array_equal(read_brush(brush_code(mask)), np.repeat(mask.ravel() * 255, 4))


def test_a_run_longer_than_a_code_can_say_is_several() -> None:
    mask = np.zeros((300, 400), bool)
    mask[299, 399] = True
    assert read_brush(brush_code(mask)) == [0] * (4 * 300 * 400 - 4) + [255] * 4


@pytest.mark.parametrize(
    ("rows", "pieces", "holes"),
    [(["###", "#.#", "###"], 1, 1), (["#.#"], 2, 0), (["#.", ".#"], 1, 0), (["#####", "#.#.#", "#####"], 1, 2)],
)
def test_pieces_and_holes_are_counted(rows: list[str], pieces: int, holes: int) -> None:
    mask = np.array([[letter == "#" for letter in row] for row in rows])
    assert count_parts(mask) == (pieces, holes)


def test_a_mask_is_cropped_to_its_box() -> None:
    mask = np.zeros((5, 7), bool)
    mask[2:4, 3:6] = True
    inside, left, top = cropped(encode_mask(mask))
    assert (inside.shape, bool(inside.all()), left, top) == ((2, 3), True, 3, 2)
