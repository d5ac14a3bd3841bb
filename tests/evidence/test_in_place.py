"""Insertion and deletion, with a classifier that is a formula: it sees as much of class 0 as there is red."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from empaste.evidence.in_place import FILLS, cover_squares, insert_and_delete, show_in_place
from empaste.evidence.settings import EvidenceSettings
from empaste.images import GRAY
from empaste.squares import fit_square, square_frame

SIDE = 16


def see_red(squares: np.ndarray) -> np.ndarray:
    """Probabilities: the logit of class 0 is a twentieth of the number of red pixels minus 2, that of class 1 is 0."""
    red = ((squares[..., 0] > 200) & (squares[..., 1] < 50)).sum(axis=(1, 2))
    logits = np.stack([red / 20 - 2, np.zeros(len(squares))], axis=1)
    return np.asarray(1 / (1 + np.exp(-logits)))


def judged(
    image: np.ndarray, masks: list[np.ndarray], fills: list[str], see: Callable[[np.ndarray], np.ndarray] = see_red
) -> tuple[np.ndarray, np.ndarray]:
    """Insertion and deletion of the masks, by a classifier that is a formula."""
    frame, covers = square_frame(SIDE, SIDE, SIDE), cover_squares(masks, SIDE)
    return insert_and_delete([see(show_in_place(image, frame, covers, fill)) for fill in fills])


def red_square() -> tuple[np.ndarray, list[np.ndarray]]:
    """A red block of 6 × 6 on black, and three masks: the block, its upper half, the ground beside it."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[4:10, 5:11, 0] = 255
    block = image[..., 0] > 0
    half = block.copy()
    half[7:] = False
    return image, [block, half, ~block]


def test_counts_what_each_segment_adds_and_takes_away() -> None:
    found = judged(*red_square(), ["gray"])
    expected = np.array([[36 / 20, 0], [18 / 20, 0], [0, 0]])
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found[1], expected, atol=1e-5)


def test_means_over_the_fills() -> None:
    single = [judged(*red_square(), [fill]) for fill in FILLS]
    both = judged(*red_square(), list(FILLS))
    for term in (0, 1):
        np.testing.assert_allclose(both[term], (single[0][term] + single[1][term]) / 2, atol=1e-9)


def test_no_segment_has_no_rows() -> None:
    found = judged(red_square()[0], [], ["gray"])
    assert found[0].shape == found[1].shape == (0, 2)


def test_a_sure_classifier_stays_finite() -> None:
    found = judged(*red_square(), ["gray"], see=lambda squares: np.ones((len(squares), 2)))
    assert np.isfinite(found).all()


def test_fills_leave_the_padding_gray() -> None:
    image = np.full((8, 16, 3), 255, np.uint8)
    frame, square = square_frame(8, 16, SIDE), fit_square(image, SIDE)
    blur, gray = (FILLS[fill](square, frame) for fill in ("blur", "gray"))
    assert (gray == GRAY).all()
    assert (blur[frame.inside] == 255).all(), "the padding must not bleed into the image"
    outside = np.ones((SIDE, SIDE), bool)
    outside[frame.inside] = False
    assert (blur[outside] == GRAY).all()


def test_covers_lie_where_the_image_lies_and_keep_thin_masks() -> None:
    mask = np.zeros((32, 64), bool)
    mask[:, 10] = True
    (cover,) = cover_squares([mask], SIDE)
    frame = square_frame(32, 64, SIDE)
    assert cover[frame.inside].sum() == pytest.approx(cover.sum())
    assert cover.sum() > 0
    assert cover[:, 2].max() == pytest.approx(0.25), "a column of one pixel covers a quarter of one that is four wide"


def test_the_settings_know_every_fill() -> None:
    (element,) = get_args(EvidenceSettings.model_fields["fills"].annotation)
    assert get_args(element) == tuple(FILLS)
