"""Step 1's rules on a few candidates."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts.segments import read_runs
from empaste.foregrounds.em import Candidates, choose_again
from empaste.foregrounds.initial import INITIAL, mean_distances, rank_within
from empaste.masks import encode_mask


def distances_of(masks: np.ndarray, centre_xy: tuple[float, float]) -> np.ndarray:
    runs = read_runs([encode_mask(mask)["counts"] for mask in masks])
    return mean_distances(runs, len(masks), masks[0].shape, centre_xy)


def choose(
    rule: str,
    probs: Sequence[float],
    pixels: Sequence[float] | None = None,
    num_nearest: int = 1,
    evidence: Sequence[float] | None = None,
    eligible: Sequence[bool] | None = None,
) -> int:
    """What the rule takes of one image's candidates."""
    number = len(probs)
    candidates = Candidates(
        np.arange(number),
        np.zeros(number, int),
        np.zeros(number) if evidence is None else np.array(evidence, float),
        np.ones(number, bool) if eligible is None else np.array(eligible),
    )
    distances = np.full(number, np.nan) if pixels is None else np.array(pixels, float)
    costs = INITIAL[rule].prefer(candidates, np.array(probs, float), distances, num_nearest)
    return int(choose_again(costs, candidates.image)[0])


def test_mean_distance_of_pixels_to_a_point() -> None:
    masks = np.zeros((3, 2, 4), bool)
    masks[0, 0, :2] = True
    masks[1, 1, 3] = True
    assert distances_of(masks, (0.0, 0.0)).tolist() == [0.5, pytest.approx(np.hypot(3, 1)), np.inf]


def test_centre_may_lie_between_pixels_or_outside() -> None:
    masks = np.ones((1, 1, 2), bool)
    assert distances_of(masks, (0.5, 0.0)).tolist() == [0.5]
    assert distances_of(masks, (-2.0, 0.0)).tolist() == [2.5]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_distances_are_those_of_a_loop_over_pixels(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((4, height, width)) < rng.random()
    x, y = rng.uniform(-3, 12, 2)
    loop = [
        np.mean([np.hypot(column - x, row - y) for row, column in zip(*np.nonzero(mask), strict=True)])
        if mask.any()
        else np.inf
        for mask in masks
    ]
    assert distances_of(masks, (x, y)) == pytest.approx(loop, abs=2e-6)


def test_most_probable_of_the_nearest() -> None:
    pixels, probs = [9.0, 1, 2, 3], [0.9, 0.1, 0.3, 0.8]
    assert [choose("published", probs, pixels, n) for n in (1, 2, 3, 4, 99)] == [1, 2, 3, 0, 0]


def test_without_a_centre_the_most_probable_of_all() -> None:
    assert choose("published", [0.2, 0.7, 0.9]) == 2


def test_ties_go_to_the_lower_index() -> None:
    assert choose("published", [0.1, 0.5, 0.5], [1, 1, 1], 1) == 0
    assert choose("published", [0.1, 0.5, 0.5], [1, 1, 1], 3) == 1
    assert choose("crop", [0.1, 0.5, 0.5]) == 1
    assert choose("evidence", [0.1, 0.5, 0.5], evidence=[2, 2, 1]) == 0


def test_crop_asks_the_classifier_alone() -> None:
    assert choose("crop", [0.1, 0.9, 0.5], pixels=[0, 99, 1], evidence=[3, 0, 1]) == 1


def test_evidence_of_judged_segments() -> None:
    assert choose("evidence", [0.9, 0.1, 0.1], evidence=[0, 1, 3], eligible=[True, True, True]) == 2
    assert choose("evidence", [0.9, 0.1, 0.1], evidence=[0, 1, 3], eligible=[True, True, False]) == 1


def test_ranks_within_images() -> None:
    ranks = rank_within(np.array([5.0, 1, 1, np.nan, 2, 0]), np.array([0, 0, 0, 0, 1, 1]))
    assert ranks.tolist() == [2, 0, 1, 3, 1, 0]
