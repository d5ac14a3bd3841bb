"""Terms with known values, and what the score makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from empaste.evidence.in_place import cover_squares
from empaste.evidence.scoring import (
    Terms,
    cam_overlap,
    frame_share,
    score_segments,
    shortlist,
    standardise,
)
from empaste.evidence.settings import EvidenceWeights
from empaste.squares import square_frame

WEIGHTS = EvidenceWeights(cam_overlap=1, insertion=1, deletion=1, objectness=1, frame=12)


def terms_of(num: int, **given_terms: object) -> Terms:
    values = {name: np.zeros(num) for name in Terms._fields} | {k: np.array(v, float) for k, v in given_terms.items()}
    return Terms(**values)


def test_frame_shares_of_a_wide_image() -> None:
    whole = np.ones((8, 16), bool)
    top = np.zeros_like(whole)
    top[:2] = True
    middle = np.zeros_like(whole)
    middle[3:5, 4:8] = True
    shares = frame_share(cover_squares([whole, top, middle], 16), square_frame(8, 16, 16))
    np.testing.assert_allclose(shares, [1, (16 + 2 + 2) / 48, 0], atol=1e-6)


def test_cam_overlap_is_the_least_over_the_most() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, :2] = [1, 0.5]
    covers = np.zeros((3, 4, 4), np.float32)
    covers[0, 0, 0] = 1
    covers[1, 0, :2] = 1
    covers[2, 3] = 1
    np.testing.assert_allclose(cam_overlap(covers, heat), [1 / 1.5, 1.5 / 2, 0], atol=1e-6)


def test_an_empty_map_says_nothing() -> None:
    assert not cam_overlap(np.ones((2, 4, 4), np.float32), np.zeros((4, 4), np.float32)).any()


def test_standardise_does_not_divide_by_zero() -> None:
    assert not standardise(np.full(4, 3.0)).any()
    np.testing.assert_allclose(standardise(np.array([1.0, 3.0])), [-1, 1])


def test_the_frame_counts_against_a_segment() -> None:
    scores = score_segments(terms_of(2, frame_share=[0.5, 0.0], insertion=[1, 1], deletion=[1, 1]), WEIGHTS)
    assert scores[1] - scores[0] == pytest.approx(6)


def test_in_place_outweighs_the_map_and_unjudged_come_last() -> None:
    terms = terms_of(4, cam_overlap=[0.9, 0.5, 0.4, 0.8], insertion=[0, 5, 1, np.nan], deletion=[0, 5, 1, np.nan])
    scores = score_segments(terms, WEIGHTS)
    assert np.argmax(scores) == 1
    assert np.argmin(scores) == 3


def test_without_any_judged_the_coarse_order_stands() -> None:
    nothing = [np.nan] * 3
    scores = score_segments(terms_of(3, cam_overlap=[0.1, 0.9, 0.5], insertion=nothing, deletion=nothing), WEIGHTS)
    assert np.argsort(-scores).tolist() == [1, 2, 0]


def test_shortlist_keeps_order_and_breaks_ties_downwards() -> None:
    assert shortlist(np.array([1.0, 3, 3, 2]), 2).tolist() == [1, 2]
    assert shortlist(np.array([1.0, 1, 1]), 2).tolist() == [0, 1]
    assert shortlist(np.array([1.0, 3]), 0).tolist() == [0, 1]


@given(
    hnp.arrays(float, (5, 5), elements=st.floats(-5, 5)),
    st.permutations(range(5)),
)
def test_scores_go_with_the_segments(values: np.ndarray, order: list[int]) -> None:
    terms = Terms(*values)
    shuffled = Terms(*values[:, order])
    np.testing.assert_allclose(score_segments(shuffled, WEIGHTS), score_segments(terms, WEIGHTS)[order], atol=1e-6)
