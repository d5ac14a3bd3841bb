"""The network: its maps, its backbones, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from empaste.errors import InputError
from empaste.jittering import Sample, jitter_scale
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_resnet
from empaste.refinement.segmenter import Segmenter, build_segmenter, class_maps
from tests.refinement.scenes import tiny_settings

BACKBONES = ["resnet_slim", "resnet18", "timm:test_efficientnet"]


def random_segmenter(num_classes: int = 3, **changes: Any) -> Segmenter:
    """A network whose weights are all random, the head's so large that its maps are far from even."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_segmenter(tiny_settings(**changes), num_classes).eval()
        nn.init.normal_(last_of(network).weight)
        nn.init.normal_(last_of(network).bias)
    return network


def last_of(network: Segmenter) -> Any:
    return network.head[-1]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("architecture", BACKBONES)
def test_logits_come_at_stride_four_in_training_mode(architecture: str) -> None:
    network = build_segmenter(tiny_settings(architecture=architecture), 3)
    assert network.training
    assert network.stride == 4
    assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 4, 16, 24)


@pytest.mark.parametrize("architecture", BACKBONES)
@pytest.mark.parametrize("flip", [False, True])
def test_shown_classes_and_the_background_share_the_probability(architecture: str, flip: bool) -> None:
    network, image = random_segmenter(architecture=architecture), noise(33, 50)
    all_shown = class_maps(network, image, [0, 1, 2], 64, flip)
    assert all_shown.shape == (3, 33, 50)
    assert 0 <= all_shown.min() < 0.1
    assert 0.6 < all_shown.max() <= 1
    two = class_maps(network, image, [2, 0], 64, flip)
    # Without the class in the middle the others keep their odds.
    rest = 1 - all_shown[1]
    np.testing.assert_allclose(two * rest, all_shown[[2, 0]], atol=1e-5)
    np.testing.assert_allclose((1 - two.sum(0)) * rest, 1 - all_shown.sum(0), atol=1e-5)


def test_a_class_that_the_image_does_not_show_takes_nothing() -> None:
    """Its logit is far over the others'; a sum of the shown classes and the background is 1 all the same."""
    network, image = random_segmenter(), noise(32, 32)
    before = class_maps(network, image, [0, 2], 32, flip=False)
    with torch.no_grad():
        last_of(network).bias[2] += 100  # the class at place 1
    np.testing.assert_array_equal(class_maps(network, image, [0, 2], 32, flip=False), before)
    np.testing.assert_allclose(class_maps(network, image, [1], 32, flip=False), 1)


def test_no_class_gives_no_map() -> None:
    assert class_maps(random_segmenter(), noise(20, 30), [], 32, flip=True).shape == (0, 20, 30)


@pytest.mark.parametrize("architecture", BACKBONES)
def test_a_mirrored_image_gives_mirrored_maps(architecture: str) -> None:
    network, image = random_segmenter(architecture=architecture), noise(40, 64)
    maps = class_maps(network, image, [0, 1], 64, flip=True)
    mirrored = class_maps(network, np.ascontiguousarray(image[:, ::-1]), [0, 1], 64, flip=True)
    np.testing.assert_allclose(mirrored, maps[..., ::-1], atol=1e-4)
    once = class_maps(network, image, [0, 1], 64, flip=False)
    assert np.abs(once - maps).max() > 0.01


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 70), (33, 31), (64, 64), (65, 7), (200, 90)])
def test_an_image_of_any_size_has_maps_of_its_size(size_hw: tuple[int, int]) -> None:
    maps = class_maps(random_segmenter(), noise(*size_hw), [0, 2], 64, flip=True)
    assert maps.shape == (2, *size_hw)
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert 0 <= maps.min() <= maps.max() <= 1


def test_a_large_image_is_seen_at_the_given_size() -> None:
    small = noise(32, 48)
    large = small.repeat(3, axis=0).repeat(3, axis=1)  # whose areas average to the small one
    network = random_segmenter()
    of_large, of_small = (class_maps(network, one, [0, 1], 48, flip=False) for one in (large, small))
    np.testing.assert_allclose(of_large[:, 1::3, 1::3], of_small, atol=1e-4)


@pytest.mark.parametrize("size_hw", [(20, 32), (64, 30), (150, 200)])
def test_an_image_is_seen_as_it_was_learned_at_zoom_1(size_hw: tuple[int, int]) -> None:
    image, seen = noise(*size_hw), []
    network = random_segmenter()
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    class_maps(network, image, [0], 64, flip=False)
    sample = Sample(image, np.zeros((0, *size_hw), np.uint8), np.zeros(0, int))
    learned = jitter_scale(sample, 64, 1.0, (0.0, 0.0)).image
    height, width = (round(side * 64 / max(size_hw)) for side in size_hw)
    torch.testing.assert_close(seen[0][..., :height, :width], to_input(learned[None, :height, :width], "cpu"))


def test_a_pixel_has_the_map_of_its_place() -> None:
    """A network whose logit is the finest map's mean colour: a bright patch is where the map is high."""
    image = np.zeros((48, 48, 3), np.uint8)
    image[16:32, 8:24] = 255
    network = random_segmenter(1)
    bright = class_maps(AverageOfColours(network), image, [0], 48, flip=True)[0]
    assert bright[18:30, 10:22].min() > 0.9
    assert bright[:12].max() < 0.1
    assert bright[:, 28:].max() < 0.1


class AverageOfColours(Segmenter):
    """Gives each cell of stride 4 its mean colour as the logit of the only class."""

    def __init__(self, network: Segmenter) -> None:
        nn.Module.__init__(self)
        self.head = network.head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        colour = nn.functional.avg_pool2d(inputs, 4).mean(1, keepdim=True)
        return torch.cat([torch.zeros_like(colour), 4 * colour], 1)


def test_pretrained_weights_keep_their_statistics(tmp_path: Path) -> None:
    resnet = build_resnet("resnet_slim", 16, None)
    nn.init.uniform_(resnet.bn1.running_mean)
    torch.save(resnet.state_dict(), tmp_path / "weights.pth")
    network = build_segmenter(tiny_settings(weights=str(tmp_path / "weights.pth")), 2)
    stem: Any = network.pyramid.get_submodule("stem")
    assert isinstance(stem.bn1, FrozenBatchNorm2d)
    assert torch.equal(stem.bn1.running_mean, resnet.bn1.running_mean)
    assert torch.equal(stem.conv1.weight, resnet.conv1.weight)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    untaught = build_segmenter(tiny_settings(), 2)
    assert any(isinstance(module, nn.BatchNorm2d) for module in untaught.modules())


def test_weights_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match=r"refine\.weights names 'no/such\.pth'"):
        build_segmenter(tiny_settings(weights="no/such.pth"), 2)
    with pytest.raises(InputError, match=r"weights is 'IMAGENET1K_V1'; choose from null or a file"):
        build_segmenter(tiny_settings(weights="IMAGENET1K_V1"), 2)


def test_a_backbone_of_one_stride_is_refused() -> None:
    with pytest.raises(InputError, match=r"timm:test_vit has maps of the strides 16, .* choose a convolutional"):
        build_segmenter(tiny_settings(architecture="timm:test_vit"), 2)
