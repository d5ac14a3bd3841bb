"""Polygons and run lengths, as data sets write them, drawn on known grids; broken ones named."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.datasets.outlines import draw_outlines, run_lengths
from empaste.datasets.records import Outline
from empaste.errors import InputError
from empaste.masks import encode_mask


def draw(segmentation: Any, height: int = 4, width: int = 5) -> np.ndarray:
    return draw_outlines([Outline(1, segmentation, 0, "file.json: annotation 7")], height, width)[0]


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
        [1, 1, 2, 2, 3, 3],
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


@pytest.mark.parametrize("segmentation", ["text", 5, {"counts": [20]}])
def test_segmentations_of_another_kind(segmentation: Any) -> None:
    with pytest.raises(InputError, match=r"annotation 7: segmentation is .* polygons or an RLE"):
        draw(segmentation)
