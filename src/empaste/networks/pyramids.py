"""Feature pyramids (Lin et al. 2017) over ResNets and timm's networks, as detectors and segmenters read them."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from empaste.networks.names import TIMM
from empaste.networks.timm_networks import TimmNetwork
from empaste.networks.timm_stages import TimmStages, freeze_norms
from empaste.networks.weights import build_network, build_resnet

MIN_STRIDE = 4
Norm: TypeAlias = Callable[[int], nn.Module]


def build_backbone(architecture: str, width: int, weights: str | None, frozen_norm: bool, key: str) -> nn.Module:
    """A ResNet or one of timm's networks for a pyramid, in evaluation mode; ``key`` names the parameter ``weights``.

    With ``frozen_norm`` its batch normalisations are the fixed affine maps that they are when evaluated. `InputError`
    for another network, or weights that are not to be had or do not fit.
    """
    build = build_network if architecture.startswith(TIMM) else build_resnet
    backbone: nn.Module = build(architecture, width, weights, key=key)
    if frozen_norm:
        backbone = freeze_norms(backbone) if isinstance(backbone, TimmNetwork) else _frozen_norm(backbone)
    return backbone.eval()  # a pyramid runs it once to learn its strides: its statistics must not move


class Pyramid(nn.Module, ABC):
    """A feature pyramid over a network's stages from stride 4 on: maps named "0", "1", …, fine to coarse.

    Of stages of one stride the last alone counts.
    """

    fpn: FeaturePyramidNetwork
    strides: list[int]
    out_channels: int

    @abstractmethod
    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        """The stages' maps, which the pyramid stands on."""

    def _add_pyramid(
        self, channels: list[int], strides: list[int], out_channels: int, pooled_level: bool, norm_layer: Norm | None
    ) -> None:
        """To be called when the stages are there: their tensors come first."""
        self.strides, self.out_channels = strides, out_channels
        coarsest = LastLevelMaxPool() if pooled_level else None
        self.fpn = FeaturePyramidNetwork(channels, out_channels, coarsest, norm_layer)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """The pyramid's maps."""
        maps = OrderedDict((str(k), features) for k, features in enumerate(self.stage_maps(inputs)))
        pyramid: dict[str, Tensor] = self.fpn(maps)
        return pyramid


class ResNetPyramid(Pyramid):
    """The pyramid over a ResNet."""

    def __init__(self, resnet: nn.Module, out_channels: int, pooled_level: bool, norm_layer: Norm | None) -> None:
        super().__init__()
        parts = dict(resnet.named_children())
        self.stem = nn.Sequential(OrderedDict((name, parts[name]) for name in ("conv1", "bn1", "relu", "maxpool")))
        self.stages = nn.ModuleList([parts[f"layer{k}"] for k in range(1, 5)])
        self.used = list(range(len(self.stages)))
        with torch.no_grad():
            maps = self.stage_maps(torch.zeros(1, 3, 128, 128))
        strides = [128 // features.shape[-1] for features in maps]
        self.used = [k for k, one in enumerate(strides) if one >= MIN_STRIDE and one not in strides[k + 1 :]]
        channels = [maps[k].shape[1] for k in self.used]
        self._add_pyramid(channels, [strides[k] for k in self.used], out_channels, pooled_level, norm_layer)

    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        features = self.stem(inputs)
        maps = []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return [maps[k] for k in self.used]


class TimmPyramid(Pyramid):
    """The pyramid over one of timm's networks."""

    def __init__(self, network: TimmNetwork, out_channels: int, pooled_level: bool, norm_layer: Norm | None) -> None:
        super().__init__()
        self.body = TimmStages(network, MIN_STRIDE)
        self._add_pyramid(self.body.channels, self.body.strides, out_channels, pooled_level, norm_layer)

    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(inputs)
        return maps


def build_pyramid(network: nn.Module, out_channels: int, pooled_level: bool, norm_layer: Norm | None = None) -> Pyramid:
    """The pyramid over ``network``, ``out_channels`` wide; ``pooled_level`` adds one of twice the last stride."""
    if isinstance(network, TimmNetwork):
        return TimmPyramid(network, out_channels, pooled_level, norm_layer)
    return ResNetPyramid(network, out_channels, pooled_level, norm_layer)


def _frozen_norm(module: nn.Module) -> nn.Module:
    """``module`` with every batch normalisation replaced by the fixed affine map that it is when evaluated."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features, child.eps)
            frozen.load_state_dict(child.state_dict())
            setattr(module, name, frozen)
        else:
            _frozen_norm(child)
    return module
