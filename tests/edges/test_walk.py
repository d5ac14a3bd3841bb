"""The random walk with priors: known answers, the dense solution, and what stops it."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array

from empaste.edges.settings import WalkSettings
from empaste.edges.walk import LEAST_PRIOR, build_walk, chances_in, solve_walk

CONTOUR_WEIGHT, COLOUR_WEIGHT, PRIOR_WEIGHT = 6.0, 1.0, 0.005
RED, GREEN = (220, 30, 30), (30, 220, 30)


def walk(side: int = 64, **changes: float) -> WalkSettings:
    weights = {"contour_weight": CONTOUR_WEIGHT, "colour_weight": COLOUR_WEIGHT, "prior_weight": PRIOR_WEIGHT}
    return WalkSettings.model_validate({"side": side, **weights, **changes})


def follow_edges(
    prob: np.ndarray, image: np.ndarray, contours: np.ndarray | None, settings: WalkSettings
) -> np.ndarray:
    return chances_in(build_walk(image, contours, settings), prob)


def flat(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def halves(height: int, width: int) -> np.ndarray:
    """An image that is red at the left and green at the right."""
    image = np.full((height, width, 3), RED, np.uint8)
    image[:, width // 2 :] = GREEN
    return image


def prior_of(prob: np.ndarray) -> np.ndarray:
    return PRIOR_WEIGHT * (2 * prob - 1) ** 2 + LEAST_PRIOR


def test_two_pixels_by_hand() -> None:
    """Of (w + l)x - wy = l and (w + m)y - wx = 0."""
    ease, first, second = 0.5, 2.0, 3.0
    chances = solve_walk(csc_array([[0, ease], [ease, 0]]), np.array([1.0, 0.0]), np.array([first, second]))
    through = 1 / (1 / ease + 1 / second)  # resistances in a row
    assert chances[0] == pytest.approx(first / (first + through))
    assert chances[1] == pytest.approx(chances[0] * ease / (ease + second))


def test_the_pixel_in_the_middle_of_three_takes_the_mean_of_its_neighbours_by_ease() -> None:
    steps = csc_array([[0, 3.0, 0], [3.0, 0, 1.0], [0, 1.0, 0]])
    chances = solve_walk(steps, np.array([1.0, 0.5, 0.0]), np.array([1e9, 1e-9, 1e9]))
    np.testing.assert_allclose(chances, [1, 0.75, 0], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_a_map_is_what_the_dense_equations_give(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prob, contours = rng.random((2, height, width), np.float32)
    image = rng.choice([RED, GREEN, (0, 0, 0)], (height, width)).astype(np.uint8)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    pixels = [(y, x) for y in range(height) for x in range(width)]
    weight = prior_of(prob.astype(float)).ravel()
    laplacian = np.diag(weight)
    for k, one in enumerate(pixels):
        for m, other in enumerate(pixels):
            if abs(one[0] - other[0]) + abs(one[1] - other[1]) == 1:
                barrier = CONTOUR_WEIGHT * max(contours[one], contours[other])
                barrier += COLOUR_WEIGHT * math.dist(lab[one], lab[other]) / 10
                laplacian[k, k] += math.exp(-barrier)
                laplacian[k, m] -= math.exp(-barrier)
    expected = np.linalg.solve(laplacian, weight * prob.ravel()).reshape(height, width)
    np.testing.assert_allclose(follow_edges(prob, image, contours, walk()), expected, atol=1e-5)


def test_a_difference_of_ten_in_lightness_is_a_barrier_of_the_weight() -> None:
    """Gray 119 has the lightness 50; in an image of two columns the rows are alike."""
    image = np.zeros((2, 2, 3), np.uint8)
    image[:, 1] = 119
    ease = math.exp(-0.4 * 50 / 10)
    first, second = prior_of(np.array([0.9, 0.3]))
    through = 1 / (1 / ease + 1 / second)
    expected = (first * 0.9 + through * 0.3) / (first + through)
    found = follow_edges(np.array([[0.9, 0.3]] * 2), image, None, walk(colour_weight=0.4))
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("prob", [0.0, 0.3, 0.5, 1.0])
def test_a_map_that_says_the_same_everywhere_stays_so(prob: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    found = follow_edges(np.full((20, 30), prob, np.float32), image, None, walk())
    np.testing.assert_allclose(found, prob, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 2**32 - 1))
def test_chances_lie_between_the_least_and_the_largest_of_the_map(
    height: int, width: int, extreme: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image, prob = rng.integers(0, 256, (height, width, 3), np.uint8), rng.random((height, width), np.float32)
    prob = np.rint(prob) if extreme else prob
    found = follow_edges(prob, image, rng.random((9, 7), np.float32), walk(16))
    assert found.shape == (height, width)
    assert found.dtype == np.float32
    assert prob.min() - 1e-5 <= found.min() <= found.max() <= prob.max() + 1e-5


def test_where_the_map_is_undecided_the_pixels_around_decide() -> None:
    prob = np.full((24, 24), 0.5, np.float32)
    prob[2:6, 2:6] = 0.9
    np.testing.assert_array_less(0.89, follow_edges(prob, flat(24, 24), None, walk()))


def test_an_edge_of_colours_parts_what_the_map_leaves_open() -> None:
    """The map is sure of a few pixels of each half."""
    prob = np.full((24, 24), 0.5, np.float32)
    prob[10:14, 1:3], prob[10:14, -3:-1] = 0.95, 0.05
    found = follow_edges(prob, halves(24, 24), None, walk())
    np.testing.assert_array_less(0.9, found[:, :12])
    np.testing.assert_array_less(found[:, 12:], 0.1)


def test_a_contour_stops_the_walk() -> None:
    """The contour has another size than the image; nothing else parts the pixels."""
    prob = np.full((24, 24), 0.5, np.float32)
    prob[10:14, 0:2], prob[10:14, -2:] = 0.95, 0.05
    contours = np.zeros((48, 48), np.float32)
    contours[:, 16:18] = 1  # column 8 of the image
    beyond = follow_edges(prob, flat(24, 24), None, walk(prior_weight=1.0))
    stopped = follow_edges(prob, flat(24, 24), contours, walk(prior_weight=1.0))
    assert np.abs(np.diff(beyond[:, 4:20])).max() < 0.05  # it fades from side to side
    np.testing.assert_array_less(0.75, stopped[:, :8])
    np.testing.assert_array_less(stopped[:, 9:], 0.25)
    unheard = follow_edges(prob, flat(24, 24), contours, walk(contour_weight=0.0, prior_weight=1.0))
    np.testing.assert_allclose(unheard, beyond, atol=1e-6)


def test_a_strong_prior_keeps_the_map() -> None:
    prob = np.random.default_rng(0).choice(np.array([0.1, 0.9]), (12, 12))
    found = follow_edges(prob, flat(12, 12), None, walk(prior_weight=1e6))
    np.testing.assert_allclose(found, prob, atol=1e-4)


def test_a_large_image_is_walked_in_at_the_given_side() -> None:
    prob = np.zeros((40, 100), np.float32)
    prob[:, :50] = 1
    found = follow_edges(prob, halves(40, 100), None, walk(50))
    small = follow_edges(prob[::2, ::2], halves(20, 50), None, walk(50))
    np.testing.assert_allclose(found[::2, 1:-1:2][:, :22], small[:, :22], atol=1e-3)
    assert found.shape == (40, 100)
    assert ((found > 0.5) == (prob > 0.5)).all()


@pytest.mark.parametrize("size_hw", [(1, 40), (40, 1), (1, 1), (2, 3), (1, 300)])
def test_an_image_may_be_one_pixel_high_or_wide(size_hw: tuple[int, int]) -> None:
    image = halves(*size_hw) if size_hw[1] > 1 else flat(*size_hw)
    prob = np.full(size_hw, 0.9, np.float32)
    prob[:, size_hw[1] // 2 :] = 0.2
    found = follow_edges(prob, image, None, walk(32))
    assert found.shape == size_hw
    assert ((found > 0.5) == (prob > 0.5)).mean() > 0.95
