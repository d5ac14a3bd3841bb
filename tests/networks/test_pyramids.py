"""Feature pyramids: their strides and maps, and the backbones that they stand on."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.layers.norm_act import FrozenBatchNormAct2d
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from empaste.artifacts.classifier import TrainedClassifier, save_classifier
from empaste.artifacts.networks import MODEL_FILE
from empaste.errors import InputError
from empaste.networks.pyramids import build_backbone, build_pyramid
from empaste.networks.weights import build_network, build_resnet

KEY = "some.weights"


@pytest.mark.parametrize(
    ("architecture", "strides"),
    [
        ("resnet_slim", [4, 8, 16]),
        ("resnet_slim_pooled", [4, 8, 16]),
        ("resnet18", [4, 8, 16, 32]),
        ("timm:test_efficientnet", [4, 8, 16, 32]),
    ],
)
@pytest.mark.parametrize("pooled_level", [False, True])
def test_maps_have_the_strides_and_the_channels_asked_for(
    architecture: str, strides: list[int], pooled_level: bool
) -> None:
    pyramid = build_pyramid(build_backbone(architecture, 8, None, False, KEY), 24, pooled_level).eval()
    assert pyramid.strides == strides
    maps = pyramid(torch.zeros(2, 3, 128, 64))
    assert list(maps) == [*map(str, range(len(strides))), *(["pool"] if pooled_level else [])]
    for features, stride in zip(maps.values(), strides, strict=False):
        assert features.shape == (2, 24, 128 // stride, 64 // stride)
    if pooled_level:
        assert maps["pool"].shape == (2, 24, 64 // strides[-1], 32 // strides[-1])


def test_the_pyramid_is_normalised_where_it_is_asked_for() -> None:
    network = build_backbone("resnet_slim", 8, None, True, KEY)
    assert not any(isinstance(one, nn.BatchNorm2d) for one in build_pyramid(network, 24, False).modules())
    normalised = build_pyramid(network, 24, False, nn.BatchNorm2d)
    assert any(isinstance(one, nn.BatchNorm2d) for one in normalised.fpn.modules())


@pytest.mark.parametrize("architecture", ["convnext_tiny", "vit_b_16", "nonsense"])
def test_a_network_without_a_pyramid_is_refused(architecture: str) -> None:
    """As a config.json that was changed by hand may name one."""
    with pytest.raises(InputError, match=rf"architecture is '{architecture}'; choose from resnet_slim, .*resnet101"):
        build_backbone(architecture, 8, None, False, KEY)


def test_the_parameter_of_weights_that_are_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"some\.weights names 'no/such\.pth'"):
        build_backbone("resnet_slim", 8, "no/such.pth", False, KEY)


def test_pretrained_weights_are_used_and_keep_their_statistics(tmp_path: Path) -> None:
    resnet = build_resnet("resnet_slim", 8, None)
    nn.init.uniform_(resnet.bn1.running_mean)
    torch.save(resnet.state_dict(), tmp_path / "weights.pth")
    pyramid: Any = build_pyramid(build_backbone("resnet_slim", 8, str(tmp_path / "weights.pth"), True, KEY), 24, False)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in pyramid.modules())
    assert isinstance(pyramid.stem.bn1, FrozenBatchNorm2d)
    assert torch.equal(pyramid.stem.bn1.running_mean, resnet.bn1.running_mean)
    inputs = torch.rand(1, 3, 64, 64)
    resnet.eval()
    expected = resnet.layer1(resnet.relu(resnet.bn1(resnet.conv1(inputs))))
    torch.testing.assert_close(pyramid.train().stages[0](pyramid.stem(inputs)), expected)


def test_a_backbone_of_timms_carries_its_weights_and_keeps_its_statistics(tmp_path: Path) -> None:
    source: Any = timm.create_model("test_efficientnet")
    nn.init.uniform_(source.bn1.running_mean)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    network = build_backbone("timm:test_efficientnet", 8, str(tmp_path / "weights.pth"), True, KEY)
    pyramid: Any = build_pyramid(network, 24, False)
    body = pyramid.body.network.network
    assert torch.equal(body.conv_stem.weight, source.conv_stem.weight)
    assert torch.equal(body.bn1.running_mean, source.bn1.running_mean)
    assert isinstance(body.bn1, FrozenBatchNormAct2d)


def test_of_stages_of_one_stride_the_last_counts() -> None:
    pyramid: Any = build_pyramid(build_backbone("resnet_slim_pooled", 8, None, False, KEY), 24, False).eval()
    image = torch.rand(1, 3, 64, 64)
    widths = [maps.shape[1] for maps in pyramid.stage_maps(image)]
    assert widths == [8, 16, 64]


@pytest.mark.parametrize("architecture", ["resnet_slim_pooled", "resnet18", "timm:test_efficientnet"])
def test_a_backbone_begins_as_a_trained_classifier(architecture: str, tmp_path: Path) -> None:
    """The file is as `save_classifier` writes it; its head has other classes."""
    classifier = build_network(architecture, 8, None, num_classes=3, image_size=64)
    nn.init.uniform_(next(one for name, one in classifier.named_buffers() if name.endswith("running_mean")))
    save_classifier(
        TrainedClassifier(classifier.eval(), (1, 2, 3), 64), tmp_path, architecture=architecture, width=8,
        class_names=["a", "b", "c"],
    )  # fmt: skip
    image = torch.rand(2, 3, 64, 64)
    expected = build_pyramid(classifier, 24, False).eval().stage_maps(image)
    pyramid = build_pyramid(build_backbone(architecture, 8, str(tmp_path / MODEL_FILE), True, KEY), 24, False)
    for given, wanted in zip(pyramid.eval().stage_maps(image), expected, strict=True):
        torch.testing.assert_close(given, wanted)
