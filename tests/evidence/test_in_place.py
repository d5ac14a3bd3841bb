"""Insertion and deletion, with a classifier that is a formula: it sees as much of class 0 as there is red."""

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from torch import nn

from empaste.artifacts.classifier import TrainedClassifier
from empaste.evidence import in_place
from empaste.evidence.in_place import FILLS, cover_squares, insert_and_delete
from empaste.evidence.settings import EvidenceSettings
from empaste.images import GRAY
from empaste.squares import fit_square, square_frame

SIDE = 16


COUNTER = TrainedClassifier(nn.Identity(), (4, 7), SIDE)
"""Stands for a classifier; `see_red` says what it sees."""


def see_red(_classifier: TrainedClassifier, batches: Iterator[np.ndarray]) -> tuple[np.ndarray, None]:
    """The logit of class 0 is a twentieth of the number of red pixels minus 2, that of class 1 is always 0."""
    logits = []
    for batch in batches:
        red = ((batch[..., 0] > 200) & (batch[..., 1] < 50)).sum(axis=(1, 2))
        logits.append(np.stack([red / 20 - 2, np.zeros(len(batch))], axis=1))
    return 1 / (1 + np.exp(-np.concatenate(logits))), None


@pytest.fixture(autouse=True)
def formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "classify_squares", see_red)


def red_square() -> tuple[np.ndarray, list[np.ndarray]]:
    """A red block of 6 × 6 on black, and three masks: the block, its upper half, the ground beside it."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[4:10, 5:11, 0] = 255
    block = image[..., 0] > 0
    half = block.copy()
    half[7:] = False
    return image, [block, half, ~block]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_counts_what_each_segment_adds_and_takes_away(batch_size: int) -> None:
    image, masks = red_square()
    frame = square_frame(SIDE, SIDE, SIDE)
    found = insert_and_delete(COUNTER, image, frame, cover_squares(masks, SIDE), ["gray"], batch_size)
    expected = np.array([[36 / 20, 0], [18 / 20, 0], [0, 0]])
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found[1], expected, atol=1e-5)


@pytest.mark.usefixtures("monkeypatch")
def test_means_over_the_fills() -> None:
    image, masks = red_square()
    frame, covers = square_frame(SIDE, SIDE, SIDE), cover_squares(masks, SIDE)
    single = [insert_and_delete(COUNTER, image, frame, covers, [fill], 8) for fill in FILLS]
    both = insert_and_delete(COUNTER, image, frame, covers, list(FILLS), 8)
    for term in (0, 1):
        np.testing.assert_allclose(both[term], (single[0][term] + single[1][term]) / 2, atol=1e-9)


def test_no_segment_has_no_rows() -> None:
    image, _ = red_square()
    found = insert_and_delete(COUNTER, image, square_frame(SIDE, SIDE, SIDE), cover_squares([], SIDE), ["gray"], 8)
    assert found[0].shape == found[1].shape == (0, 2)


def test_a_sure_classifier_stays_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "classify_squares", lambda _, batches: (np.ones((sum(map(len, batches)), 2)), None))
    image, masks = red_square()
    found = insert_and_delete(COUNTER, image, square_frame(SIDE, SIDE, SIDE), cover_squares(masks, SIDE), ["gray"], 8)
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
