"""Segments on gray: what is cropped, what is gray, what erosion removes; batches that hold every row once, in order."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.classifier import TrainedClassifier, classify
from empaste.backbones import build_resnet, fit_square
from empaste.features import map_ahead, rebatch, segment_features, show_on_gray
from empaste.images import GRAY
from empaste.masks import mask_box_xywh


def some_image(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(150, 256, (height, width, 3), np.uint8)


def show(image: np.ndarray, mask: np.ndarray, erosion: int, side: int) -> np.ndarray:
    return show_on_gray(image, mask, mask_box_xywh(mask), erosion, side)


def test_the_box_is_cropped_and_the_rest_gray() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[5:13, 10:18] = True
    mask[5, 10] = False
    expected = image[5:13, 10:18].copy()
    expected[0, 0] = GRAY
    np.testing.assert_array_equal(show(image, mask, 0, 8), expected)


def test_a_wide_segment_is_padded_with_gray() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[4:6, 3:11] = True
    shown = show(image, mask, 0, 8)
    np.testing.assert_array_equal(shown[3:5], image[4:6, 3:11])
    assert (shown[:3] == GRAY).all() and (shown[5:] == GRAY).all()


def test_erosion_removes_specks_and_the_rim() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[4:14, 10:20] = True
    mask[1, 28] = True  # a speck far away
    np.testing.assert_array_equal(show(image, mask, 1, 8), image[5:13, 11:19])


def test_the_edge_of_the_image_does_not_erode() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[:8, 22:] = True
    np.testing.assert_array_equal(show(image, mask, 1, 7), image[:7, 23:])


def test_a_segment_that_erosion_would_empty_is_kept_whole() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[7:9, 3:5] = True
    np.testing.assert_array_equal(show(image, mask, 1, 2), image[7:9, 3:5])
    one = np.zeros((20, 30), bool)
    one[19, 29] = True
    assert (show(image, one, 3, 4) == image[19, 29]).all()


@given(st.integers(0, 3), st.data())
def test_cropping_first_changes_nothing(erosion: int, data: st.DataObject) -> None:
    """Against the definition: erode the whole mask, gray outside, crop the box of what is left."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    mask = np.zeros((12, 16), bool)
    for _ in range(3):
        y, x = rng.integers(0, 12), rng.integers(0, 16)
        mask[y : y + rng.integers(1, 8), x : x + rng.integers(1, 8)] = True
    padded = np.pad(mask, erosion, constant_values=True)
    size = 2 * erosion + 1
    eroded = np.lib.stride_tricks.sliding_window_view(padded, (size, size)).all(axis=(2, 3))
    kept = eroded if eroded.any() else mask
    x, y, width, height = mask_box_xywh(kept)
    image = some_image(12, 16)
    crop = np.where(kept[:, :, None], image, GRAY).astype(np.uint8)[y : y + height, x : x + width]
    np.testing.assert_array_equal(show(image, mask, erosion, 16), fit_square(crop, 16))


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_batches_hold_every_row_once_in_order(lengths: list[int], batch_size: int) -> None:
    rows = np.arange(sum(lengths))
    batches = list(rebatch(np.split(rows, np.cumsum(lengths))[:-1], batch_size))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(len(batch) for batch in batches)
    assert [row for batch in batches for row in batch] == rows.tolist()


def test_features_are_the_classifiers() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = TrainedClassifier(build_resnet("resnet_slim", 8, None, 3).eval(), (1, 2, 3), 32)
    crops = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), np.uint8)
    probs, phi = segment_features(classifier, [crops[:1], crops[1:6], crops[6:]], batch_size=4)
    expected_probs, expected_phi = classify(classifier, list(crops))
    np.testing.assert_allclose(probs, expected_probs, atol=1e-5)
    np.testing.assert_allclose(phi, expected_phi, atol=1e-4)
    assert segment_features(classifier, [], 4)[1].shape == (0, 64)


def test_mapped_ahead_in_order_and_not_further() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = map_ahead(lambda number: (number**2, threading.current_thread().name), items(), ahead=3)
    assert next(results)[0] == 0
    assert len(taken) == 4
    assert [square for square, _ in results] == [number**2 for number in range(1, 20)]


def test_an_error_in_a_thread_is_raised() -> None:
    def fail(number: int) -> int:
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 0"):
        list(map_ahead(fail, range(5)))
