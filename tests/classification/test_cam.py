"""Grad-CAM: equal to the closed form of a pooled linear head, in the image's own frame, centred by hand-made maps."""

from collections.abc import Callable
from functools import partial
from typing import get_args

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification.cam import (
    KEEP,
    averaged_maps,
    centre_of_gravity,
    grad_cam,
    in_image_frame,
    locate_classes,
    over_threshold,
    top_percent,
)
from empaste.classification.cam_settings import CamSettings
from empaste.networks.anatomy import feature_maps
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_resnet
from empaste.squares import fit_square, square_frame
from tests.classification.conftest import cam_settings
from tests.tiny_networks import BUILDERS, tiny_network

half = cam_settings(threshold=0.5)


@pytest.fixture(scope="module")
def classifier() -> TrainedClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_resnet("resnet_slim", 8, None, 3).eval()
    return TrainedClassifier(network, (1, 2, 3), 64)


def some_images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height, 60, 3), np.uint8) for height in (40, 60, 90)]


def test_equals_the_class_activation_map_of_a_linear_head(classifier: TrainedClassifier) -> None:
    inputs = to_input(np.stack([fit_square(image, 64) for image in some_images()]), "cpu")
    rows, columns = np.array([0, 1, 1, 2]), np.array([2, 0, 1, 2])
    heatmaps, probs = grad_cam(classifier.network, inputs, rows, columns)
    with torch.no_grad():
        maps = feature_maps(classifier.network, inputs).grid
        logits = classifier.network(inputs)
    # Zhou et al. 2016: pooling divides by the number of cells, so alpha_k is the head's weight over that number.
    weighted = torch.einsum("pk,pkhw->phw", classifier.network.get_parameter("fc.weight")[columns], maps[rows])
    expected = weighted.relu() / maps[0, 0].numel()
    np.testing.assert_allclose(heatmaps, expected.detach().numpy(), atol=1e-4)
    np.testing.assert_allclose(heatmaps, expected.detach().numpy(), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(probs, logits[rows, columns].sigmoid().numpy(), rtol=1e-4)
    assert heatmaps.max() > 0


def test_works_without_autograd_around_it_and_leaves_no_gradient(classifier: TrainedClassifier) -> None:
    inputs = to_input(np.stack([fit_square(image, 64) for image in some_images()]), "cpu")
    with torch.no_grad():
        grad_cam(classifier.network, inputs, np.array([0]), np.array([0]))
    assert all(parameter.grad is None for parameter in classifier.network.parameters())


def test_maps_come_per_image_in_the_order_asked(classifier: TrainedClassifier) -> None:
    images = some_images()
    found = locate_classes(classifier, images, [[2, 0], [], [1]], half)
    assert [len(maps) for maps in found] == [2, 0, 1]
    alone = locate_classes(classifier, images[:1], [[0]], half)[0][0]
    np.testing.assert_allclose(found[0][1].heatmap, alone.heatmap, atol=1e-4)
    assert found[0][1].prob == pytest.approx(alone.prob, abs=1e-5)
    for image, maps in zip(images, found, strict=True):
        for class_map in maps:
            assert class_map.heatmap.shape == (4, 4)
            if class_map.centre_xy is None:
                assert not class_map.heatmap.any()
            else:
                assert class_map.heatmap.max() == 1
                assert 0 <= class_map.centre_xy[0] < image.shape[1]
                assert 0 <= class_map.centre_xy[1] < image.shape[0]


@pytest.mark.usefixtures("classifier")
def test_a_class_that_nothing_speaks_for_has_no_centre() -> None:
    network = build_resnet("resnet_slim", 8, None, 1).eval()
    torch.nn.init.constant_(network.fc.weight, -1)
    class_map = locate_classes(TrainedClassifier(network, (1,), 64), some_images()[:1], [[0]], half)[0][0]
    assert class_map.centre_xy is None
    assert not class_map.heatmap.any()


def test_the_cam_points_at_the_object() -> None:
    """A network whose last map is the darkness of the input: the centre is the dark patch's, in image pixels."""
    network = build_resnet("resnet_slim", 8, None, 1).eval()
    for part in ("conv1", "bn1", "relu", "layer1", "layer2", "layer3"):
        setattr(network, part, torch.nn.Identity())
    network.maxpool = torch.nn.AvgPool2d(8)
    network.layer4 = torch.nn.Conv2d(3, 1, 1)
    network.fc = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.layer4.weight, -1)
    torch.nn.init.constant_(network.layer4.bias, 6)
    torch.nn.init.constant_(network.fc.weight, 1)
    image = np.full((100, 200, 3), 255, np.uint8)
    image[20:60, 130:170] = 0
    classifier = TrainedClassifier(network, (1,), 256)
    for keep in ({"keep": "threshold", "threshold": 0.8}, {"keep": "top_percent", "top_percent": 8.0}):
        for scales, flip in [([1.0], False), ([1.0], True), ([0.5, 1, 2.0], True)]:
            how = cam_settings(**keep, scales=scales, flip=flip)
            x, y = locate_classes(classifier, [image], [[0]], how)[0][0].centre_xy or (0, 0)
            assert (x, y) == pytest.approx((149.5, 39.5), abs=3)


@given(st.integers(3, 130), st.integers(3, 130))
@settings(deadline=None)
def test_the_image_frame_is_mapped_back_exactly(height: int, width: int) -> None:
    side = 64
    ramp_x = np.tile(np.arange(side, dtype=np.float32), (side, 1))
    frame = square_frame(height, width, side)
    columns = in_image_frame(ramp_x, height, width, side)
    rows = in_image_frame(ramp_x.T, height, width, side)
    assert columns.shape == rows.shape == (height, width)
    expected_x = np.clip((np.arange(width) + 0.5) * frame.width / width + frame.left - 0.5, 0, side - 1)
    expected_y = np.clip((np.arange(height) + 0.5) * frame.height / height + frame.top - 0.5, 0, side - 1)
    np.testing.assert_allclose(columns, np.tile(expected_x, (height, 1)), atol=1e-3)
    np.testing.assert_allclose(rows, np.tile(expected_y[:, None], (1, width)), atol=1e-3)


def test_a_coarse_map_is_interpolated() -> None:
    heatmap = np.array([[0, 1], [0, 1]], np.float32)
    np.testing.assert_allclose(in_image_frame(heatmap, 4, 4, 4)[0], [0, 0.25, 0.75, 1])


def test_centre_of_gravity_by_hand() -> None:
    heatmap = np.zeros((5, 7), np.float32)
    heatmap[1, 2], heatmap[3, 6], heatmap[0, 0] = 1.0, 0.6, 0.4
    assert centre_of_gravity(over_threshold(heatmap, 0.5)) == (4.0, 2.0)
    assert centre_of_gravity(over_threshold(heatmap, 0.9)) == (2.0, 1.0)
    assert centre_of_gravity(top_percent(heatmap, 100 * 2 / 35)) == (4.0, 2.0)
    assert centre_of_gravity(top_percent(heatmap, 0.01)) == (2.0, 1.0)


@pytest.mark.parametrize("rule", KEEP.values())
def test_of_an_empty_map_nothing_is_kept(rule: Callable[[np.ndarray, float], np.ndarray]) -> None:
    empty = np.zeros((5, 7), np.float32)
    assert not rule(empty, 0.5).any()
    assert centre_of_gravity(rule(empty, 0.5)) is None


@given(st.integers(0, 1000), st.floats(1, 100))
@settings(deadline=None)
def test_the_highest_pixels_are_kept_with_their_ties(seed: int, percent: float) -> None:
    heatmap = np.random.default_rng(seed).integers(0, 6, (8, 9)).astype(np.float32)
    kept = top_percent(heatmap, percent)
    assert not kept[heatmap == 0].any()
    assert heatmap[kept].min(initial=9) > heatmap[~kept & (heatmap > 0)].max(initial=0)
    num = max(1, round(72 * percent / 100))
    assert kept.sum() >= min(num, (heatmap > 0).sum())
    least = heatmap[kept].min()
    assert (heatmap > least).sum() < num


@pytest.mark.parametrize("kind", BUILDERS)
def test_averages_are_those_of_the_views(kind: str) -> None:
    """Against one view at a time: the mirror image's map mirrored, another scale's resized, both by cell."""
    classifier = TrainedClassifier(tiny_network(kind), (1, 2, 3), 32)
    images = some_images()[:2]
    rows, columns = np.array([0, 1]), np.array([2, 0])
    small = np.stack([fit_square(image, 32) for image in images])
    large = np.stack([fit_square(image, 64) for image in images])
    maps, probs = [], []
    for squares in (small, small[:, :, ::-1], large, large[:, :, ::-1]):
        heatmaps, prob = grad_cam(classifier.network, to_input(squares, "cpu"), rows, columns)
        maps.append(heatmaps * heatmaps[0].size)
        probs.append(prob)
    look = partial(grad_cam, classifier.network)
    mirrored = cam_settings(flip=True)
    flipped, flipped_probs = averaged_maps(look, classifier, images, rows, columns, mirrored)
    np.testing.assert_allclose(flipped, (maps[0] + maps[1][:, :, ::-1]) / 2, atol=1e-4)
    np.testing.assert_allclose(flipped_probs, (probs[0] + probs[1]) / 2, atol=1e-5)
    twice = cam_settings(flip=True, scales=[1.0, 2.0])
    both, _ = averaged_maps(look, classifier, images, rows, columns, twice)
    fine = (maps[2] + maps[3][:, :, ::-1]) / 4
    assert both.shape == fine.shape
    coarse = [cv2.resize(one, fine.shape[:0:-1], interpolation=cv2.INTER_LINEAR) for one in flipped]
    np.testing.assert_allclose(both, fine + np.array(coarse) / 2, atol=1e-4)


def test_the_settings_know_every_rule_and_its_amount() -> None:
    assert get_args(CamSettings.model_fields["keep"].annotation) == tuple(KEEP)
    assert set(KEEP) <= set(CamSettings.model_fields)
