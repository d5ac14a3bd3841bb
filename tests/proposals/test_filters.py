"""Eligibility at its limits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.proposals.filters import best_first, is_eligible
from empaste.proposals.selective_search import METHOD
from empaste.proposals.table import propose_segments
from tests.proposals.sources import context_of, section_of

FILTERS: dict[str, Any] = {"min_area": 0.01, "max_extent": 1.1}


def box_mask(top: int, bottom: int, left: int, right: int, size_hw: tuple[int, int] = (10, 20)) -> np.ndarray:
    mask = np.zeros(size_hw, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_area_at_the_limit_is_kept() -> None:
    masks = np.array([box_mask(0, 2, 0, 1), box_mask(0, 1, 0, 1)])
    assert is_eligible(masks, 0.01, 0.95).tolist() == [True, False]


def test_one_spanned_dimension_is_enough_to_drop() -> None:
    masks = np.array([box_mask(0, 9, 0, 3), box_mask(0, 8, 0, 3), box_mask(0, 3, 1, 19), box_mask(0, 3, 1, 18)])
    assert is_eligible(masks, 0.0, 0.9).tolist() == [False, True, False, True]


def test_extent_is_that_of_the_box_not_of_the_pixels() -> None:
    apart = box_mask(0, 1, 0, 2) | box_mask(9, 10, 0, 2)
    assert is_eligible(apart[None], 0.0, 0.95).tolist() == [False]


def test_extent_over_one_drops_only_what_is_nothing_or_everything() -> None:
    masks = np.array([box_mask(0, 10, 0, 19), np.ones((10, 20), bool), np.zeros((10, 20), bool)])
    assert is_eligible(masks, 0.0, 1.1).tolist() == [True, False, False]


@pytest.mark.parametrize("size_hw", [(1, 1), (30, 44)])
def test_one_colour_has_no_segments(size_hw: tuple[int, int]) -> None:
    image = np.full((*size_hw, 3), 90, np.uint8)
    search = section_of(METHOD, scales=[30.0, 150.0], sigma=0.6, min_region=0.001, max_iou=0.9)
    context = context_of(method="selective_search", selective_search=search, **FILTERS, max_segments=500)
    masks, scores = propose_segments(image, context)
    assert masks.shape == (0, *size_hw)
    assert scores.shape == (0,)


def test_one_pixel_wide_segments_are_as_good_as_any() -> None:
    assert is_eligible(box_mask(0, 9, 3, 4)[None], 0.01, 0.95).tolist() == [True]


def test_no_masks() -> None:
    assert is_eligible(np.zeros((0, 4, 4), bool), 0.01, 0.95).shape == (0,)


@given(st.lists(st.floats(0, 1), max_size=20), st.integers(1, 25))
def test_best_first_is_a_sorted_prefix(scores: list[float], limit: int) -> None:
    kept = best_first(np.array(scores), limit)
    assert [scores[i] for i in kept] == sorted(scores, reverse=True)[:limit]


def test_ties_keep_their_order() -> None:
    assert best_first(np.array([0.5, 0.9, 0.5]), 2).tolist() == [1, 0]
