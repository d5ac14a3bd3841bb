"""The stages of timm's networks as detectors read them."""

import pytest
import torch
from timm.layers.norm_act import FrozenBatchNormAct2d

from empaste.errors import InputError
from empaste.networks.timm_networks import build_timm
from empaste.networks.timm_stages import TimmStages, freeze_norms


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "tf_efficientnet_lite0"])
def test_every_map_has_its_stride_and_channels(name: str) -> None:
    stages = TimmStages(build_timm(name, 2), 4).eval()
    assert stages.strides == [4 * 2**level for level in range(len(stages.strides))]
    with torch.no_grad():
        maps = stages(torch.zeros(1, 3, 128, 64))
    for features, stride, channels in zip(maps, stages.strides, stages.channels, strict=True):
        assert features.shape == (1, channels, 128 // stride, 64 // stride)


def test_the_head_is_taken_off() -> None:
    whole = build_timm("tf_efficientnet_lite0", 2)
    count = sum(one.numel() for one in whole.parameters())
    stages = TimmStages(whole, 4)
    assert not any("classifier" in name or "conv_head" in name for name, _ in stages.named_parameters())
    assert sum(one.numel() for one in stages.parameters()) < count


def test_a_vit_is_refused() -> None:
    with pytest.raises(InputError, match=r"timm:test_vit has maps of the strides 16, .* choose a convolutional"):
        TimmStages(build_timm("test_vit", 2), 4)


def test_frozen_norms_keep_what_the_network_gives() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_timm("test_efficientnet", 2).eval()
        inputs = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = network(inputs)
        frozen = freeze_norms(network)
        torch.testing.assert_close(frozen.train()(inputs), before)
    assert any(isinstance(module, FrozenBatchNormAct2d) for module in frozen.modules())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in frozen.modules())
