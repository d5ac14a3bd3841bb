"""Descriptions of segments: batches that hold every row once, in order; probabilities of the first view; joined phi."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from empaste.artifacts.classifier import TrainedClassifier, classify
from empaste.features.encoders import Encoder, load_encoders
from empaste.features.extraction import (
    Showing,
    describe_segments,
    num_columns,
    show_segments,
    showings,
)
from empaste.features.views import VIEWS, View
from empaste.masks import mask_box_xywh
from empaste.networks.weights import build_resnet

CROP, GRAY, BLUR = VIEWS.values()


@pytest.fixture(scope="module")
def classifier() -> TrainedClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TrainedClassifier(build_resnet("resnet_slim", 8, None, 3).eval(), (1, 2, 3), 32)


def images_and_segments(
    counts: Sequence[int],
) -> list[tuple[np.ndarray, list[tuple[np.ndarray, tuple[int, int, int, int]]]]]:
    """An image per count with so many segments."""
    rng = np.random.default_rng(0)
    found = []
    for number in counts:
        masks = np.zeros((number, 30, 40), bool)
        for place, mask in enumerate(masks):
            mask[place : place + 9, 5 : 12 + 2 * place] = True
        image = rng.integers(0, 256, (30, 40, 3), np.uint8)
        found.append((image, [(mask, mask_box_xywh(mask)) for mask in masks]))
    return found


def describe(
    views: list[View], encoders: list[Encoder], counts: Sequence[int], batch_size: int
) -> tuple[np.ndarray, ...]:
    shown = [
        show_segments(image, segments, len(segments), showings(views, encoders), 0)
        for image, segments in images_and_segments(counts)
    ]
    batches = list(describe_segments(views, encoders, shown, batch_size))
    return tuple(np.concatenate(arrays) for arrays in zip(*batches, strict=True))


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_by_default_they_are_the_classifiers_of_the_crops(classifier: TrainedClassifier, batch_size: int) -> None:
    counts = [1, 0, 5, 2]
    probs, phi = describe([CROP], load_encoders(["classifier"], classifier), counts, batch_size)
    crops = [CROP(image, 0, 32)(mask, box) for image, segments in images_and_segments(counts) for mask, box in segments]
    expected_probs, expected_phi = classify(classifier, crops)
    np.testing.assert_allclose(probs, expected_probs, atol=1e-5)
    np.testing.assert_allclose(phi, expected_phi, atol=1e-4)


def test_several_are_joined_at_unit_length(classifier: TrainedClassifier) -> None:
    names = ["classifier", "classifier#layer1"]
    both = load_encoders(names, classifier)
    probs, phi = describe([GRAY, CROP], both, [3], 8)
    assert phi.shape == (3, 2 * (64 + 8))
    assert num_columns([GRAY, CROP], both) == (3, 144)
    lengths = [np.linalg.norm(part, axis=1) for part in np.split(phi, [64, 72, 136], axis=1)]
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)
    for place, view in ((0, GRAY), (72, CROP)):
        alone_probs, alone = describe([view], load_encoders(["classifier"], classifier), [3], 8)
        unit = alone / np.linalg.norm(alone, axis=1, keepdims=True)
        np.testing.assert_allclose(phi[:, place : place + 64], unit, atol=1e-5)
        if view is GRAY:
            np.testing.assert_allclose(probs, alone_probs, atol=1e-6)


def test_probabilities_are_the_classifiers_also_where_phi_is_not(classifier: TrainedClassifier) -> None:
    def brightness(squares: np.ndarray) -> tuple[None, list[torch.Tensor]]:
        assert squares.shape[1:] == (16, 16, 3)
        return None, [torch.from_numpy(squares.mean((1, 2)))]

    encoders = [*load_encoders([], classifier), Encoder(16, 1, brightness)]
    assert showings([CROP, GRAY], encoders) == [
        Showing(CROP, 32),
        Showing(CROP, 16),
        Showing(GRAY, 32),
        Showing(GRAY, 16),
    ]
    probs, phi = describe([CROP], encoders, [2, 3], 4)
    expected, _ = describe([CROP], load_encoders(["classifier"], classifier), [2, 3], 4)
    np.testing.assert_allclose(probs, expected, atol=1e-6)
    small = [CROP(image, 0, 16)(mask, box) for image, segments in images_and_segments([2, 3]) for mask, box in segments]
    np.testing.assert_allclose(phi, np.mean(small, axis=(1, 2)), rtol=1e-5)


def test_no_segment_gives_no_batch(classifier: TrainedClassifier) -> None:
    assert list(describe_segments([CROP], load_encoders(["classifier"], classifier), [], 4)) == []
