"""Every architecture: shapes, strides, and parts of the names that torchvision gives them."""

import pytest
import torch

from empaste.networks.anatomy import classify_maps, feature_maps, num_features
from empaste.networks.architectures import ARCHITECTURES
from empaste.networks.names import NAMES, RESNETS
from empaste.networks.resnet import GeneralisedMean
from empaste.networks.weights import build_network, build_resnet

PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_logits_and_phi(architecture: str) -> None:
    with torch.device("meta"):
        network = build_network(architecture, 8, None, num_classes=3, image_size=64).eval()
        logits, phi = classify_maps(network, feature_maps(network, torch.zeros(2, 3, 64, 64)))
    assert phi.shape == (2, num_features(network))
    assert logits.shape == (2, 3)


def test_every_name_is_built() -> None:
    assert set(NAMES) == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", RESNETS)
def test_resnets_have_the_parts_of_torchvisions(architecture: str) -> None:
    with torch.device("meta"):
        network = build_resnet(architecture, 8, None, num_classes=3)
    assert all(hasattr(network, part) for part in PARTS)


@pytest.mark.parametrize(
    ("architecture", "strides"), [("resnet_slim", [2, 4, 8, 16]), ("resnet_slim_pooled", [4, 8, 16, 16])]
)
def test_slim_has_stride_16_and_widths_that_double(architecture: str, strides: list[int]) -> None:
    network = build_resnet(architecture, 8, None, num_classes=2)
    shapes = []
    out = network.maxpool(network.relu(network.bn1(network.conv1(torch.zeros(1, 3, 64, 64)))))
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        out = stage(out)
        shapes.append((out.shape[1], 64 // out.shape[2]))
    assert shapes == list(zip([8, 16, 32, 64], strides, strict=True))
    assert num_features(network) == 64


def test_the_generalised_mean_lies_between_mean_and_maximum() -> None:
    maps = torch.tensor([[[[0.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]]]])
    torch.testing.assert_close(GeneralisedMean()(maps).flatten(), torch.tensor([2.0 / 4 ** (1 / 3), 1.0]))
