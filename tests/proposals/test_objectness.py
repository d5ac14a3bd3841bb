"""The score of one square in the middle of an image, by colour and by contours."""

import numpy as np
import pytest

from empaste.proposals.objectness import objectness
from empaste.proposals.region_graph import describe_regions

SQUARE = np.zeros((12, 12), int)
SQUARE[4:8, 4:8] = 1
SEGMENTS = np.array([[False, True]])
STEP = 30.0


def score(contour: float | None) -> float:
    """Of the square, which stands out by ``STEP`` in lightness, with the same contour everywhere, or none."""
    lab = np.zeros((12, 12, 3), np.float32)
    lab[..., 0] = 20 + STEP * SQUARE
    contours = None if contour is None else np.full(SQUARE.shape, contour, np.float32)
    return float(objectness(SEGMENTS, describe_regions(lab, SQUARE, contours))[0])


def test_of_the_contour_counts_the_square() -> None:
    assert score(0.0) == 0
    assert score(0.8) == pytest.approx(4 * score(0.4))


def test_with_contours_the_number_of_regions_counts_more() -> None:
    """Contrast, inwardness and solidity are the same by both; the latter two are 1."""
    by_colour = (STEP / (STEP + 15) * (1 / 9)) ** 2
    by_contours = (0.6 * (1 / 9) ** 2) ** 2
    assert score(0.6) / score(None) == pytest.approx(by_contours / by_colour)


def test_the_whole_image_has_no_boundary() -> None:
    graph = describe_regions(np.zeros((12, 12, 3), np.float32), SQUARE, np.ones((12, 12), np.float32))
    assert objectness(np.array([[True, True]]), graph).tolist() == [0]
