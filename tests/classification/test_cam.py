"""Grad-CAM: equal to the closed form of a pooled linear head, in the image's own frame, centred by hand-made maps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.classifier import TrainedClassifier
from empaste.backbones import build_resnet, feature_maps, fit_square, square_frame, to_input
from empaste.classification.cam import centre_of_gravity, grad_cam, in_image_frame, locate_classes


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
    weighted = torch.einsum("pk,pkhw->phw", classifier.network.fc.weight[columns], maps[rows])
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
    found = locate_classes(classifier, images, [[2, 0], [], [1]], 0.5)
    assert [len(maps) for maps in found] == [2, 0, 1]
    alone = locate_classes(classifier, images[:1], [[0]], 0.5)[0][0]
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


def test_a_class_that_nothing_speaks_for_has_no_centre(classifier: TrainedClassifier) -> None:
    network = build_resnet("resnet_slim", 8, None, 1).eval()
    torch.nn.init.constant_(network.fc.weight, -1)
    class_map = locate_classes(TrainedClassifier(network, (1,), 64), some_images()[:1], [[0]], 0.5)[0][0]
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
    x, y = locate_classes(TrainedClassifier(network, (1,), 256), [image], [[0]], 0.8)[0][0].centre_xy or (0, 0)
    assert (x, y) == pytest.approx((149.5, 39.5), abs=3)


@given(st.integers(3, 130), st.integers(3, 130))
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
    assert centre_of_gravity(heatmap, 0.5) == (4.0, 2.0)
    assert centre_of_gravity(heatmap, 0.9) == (2.0, 1.0)
    assert centre_of_gravity(np.zeros((5, 7), np.float32), 0.5) is None
