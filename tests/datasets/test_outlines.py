"""Polygons and run lengths, as data sets write them, drawn on known grids; broken ones named."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.datasets.outlines import draw_outlines, outside
from empaste.datasets.records import Outline
from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.rle import run_lengths


def draw(segmentation: Any, height: int = 4, width: int = 5) -> np.ndarray:
    (mask,) = draw_outlines([Outline(1, segmentation, 0, "file.json: annotation 7")], height, width)
    return np.asarray(mask)


def test_polygons_of_one_instance_unite() -> None:
    mask = draw([[0, 0, 2, 0, 2, 4, 0, 4], [4, 0, 5, 0, 5, 4, 4, 4]])
    assert mask.tolist() == [[True, True, False, False, True]] * 4


def test_run_lengths_go_down_the_columns() -> None:
    expected = np.zeros((4, 5), bool)
    expected[2:, 0] = expected[0, 1] = True
    assert (draw({"size": [4, 5], "counts": [2, 3, 15]}) == expected).all()
    assert (draw(dict(encode_mask(expected))) == expected).all()


def test_no_outlines_give_no_masks() -> None:
    assert draw_outlines([], 4, 5).shape == (0, 4, 5)


@given(st.integers(1, 30), st.integers(1, 30), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_mask_survives_its_compressed_text(height: int, width: int, random: Any) -> None:
    mask = np.array([[random.random() < 0.4 for _ in range(width)] for _ in range(height)])
    rle = encode_mask(mask)
    assert sum(run_lengths(rle["counts"])) == height * width
    assert (draw(dict(rle), height, width) == mask).all()


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 1, 2, 2]],
        [[1, 1, 2, 2, 3]],
        [[1, 1, 2, 2, 3, 3, 4]],
        [[1, 1, 2, 2, 3, "x"]],
        [[1, 1, 2, 2, 3, float("nan")]],
        [1, 1, 2, 2, 3],
    ],
)
def test_polygons_that_are_none(segmentation: Any) -> None:
    with pytest.raises(InputError, match=r"file.json: annotation 7: a polygon is .* at least 3 points"):
        draw(segmentation)


def test_rle_of_another_size() -> None:
    with pytest.raises(InputError, match=r"annotation 7: the RLE is of size \[5, 4\], its image \[4, 5\]"):
        draw({"size": [5, 4], "counts": [20]})


@pytest.mark.parametrize("counts", [[19], [25, -5], [10.5, 9.5], "", "0", "zzzz", "o", 20, None])
def test_rle_that_does_not_add_up(counts: Any) -> None:
    with pytest.raises(InputError, match=r"annotation 7: the RLE's counts do not add up to 4 × 5 pixels"):
        draw({"size": [4, 5], "counts": counts})


@pytest.mark.parametrize(
    "segmentation", [{"counts": [20]}, {"size": [4], "counts": [20]}, {"size": [-4, -5], "counts": []}]
)
def test_run_lengths_without_a_size(segmentation: Any) -> None:
    with pytest.raises(InputError, match=r"annotation 7: segmentation is .*; it is no RLE with counts and size"):
        draw(segmentation)


def test_sizes_and_runs_as_text_have_one_meaning() -> None:
    assert draw({"size": ["4", 5.0], "counts": ["2", 3.0, 15]}).sum() == 3


def test_one_polygon_may_lack_its_outer_list_or_hold_points() -> None:
    expected = draw([[0, 0, 2, 0, 2, 4, 0, 4]])
    assert (draw([0, 0, 2, 0, 2, 4, 0, 4]) == expected).all()
    assert (draw([[[0, 0], [2, 0], [2, 4], [0, 4]]]) == expected).all()
    assert (draw([["0", "0", "2", 0, 2, "4", 0, 4.0]]) == expected).all()


def test_what_lies_outside_is_cut_off_and_remarked_upon() -> None:
    outline = Outline(1, [[-2, -2, 2, -2, 2, 9, -2, 9]], 0, "file.json: annotation 7")
    assert draw(outline.segmentation).tolist() == [[True, True, False, False, False]] * 4
    (remark,) = outside([outline], 4, 5)
    assert remark == ("annotations lead out of their images; what lies outside is cut off", "file.json: annotation 7")
    assert outside([Outline(1, [[-0.5, 0, 5.5, 0, 5, 4.5]], 0, "")], 4, 5) == []
    assert len(outside([Outline(1, None, 0, "", (3, 3, 5, 5))], 4, 5)) == 1


@pytest.mark.parametrize("polygon", [[0, 0, 1e9, 0, 1e9, 1e9], [0, 0, -1e300, 0, 5, 5], [11, 0, 4, 0, 4, 4]])
def test_points_far_away_are_refused(polygon: list[float]) -> None:
    with pytest.raises(InputError, match=r"annotation 7: a polygon leads to x .*, but its image is 5 × 4 pixels"):
        draw([polygon])
