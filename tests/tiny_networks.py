"""One small network of random weights per family of backbones."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torchvision.models import ConvNeXt, EfficientNet, MobileNetV3, VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import MBConvConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.resnet import Bottleneck, ResNet

from empaste.networks.resnet import SlimResNet
from empaste.networks.timm_networks import build_timm


def _mobilenet(num_classes: int) -> nn.Module:
    blocks = [
        InvertedResidualConfig(16, 3, 16, 16, True, "RE", 2, 1, 1.0),
        InvertedResidualConfig(16, 3, 32, 24, False, "HS", 2, 1, 1.0),
    ]
    network: nn.Module = MobileNetV3(blocks, last_channel=32, num_classes=num_classes)
    return network


def _efficientnet(num_classes: int) -> nn.Module:
    blocks = [MBConvConfig(1, 3, 1, 32, 16, 1, 1.0, 1.0), MBConvConfig(2, 3, 2, 16, 24, 1, 1.0, 1.0)]
    network: nn.Module = EfficientNet(blocks, 0.2, num_classes=num_classes, last_channel=40)
    return network


def _convnext(num_classes: int) -> nn.Module:
    blocks = [CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)]
    network: nn.Module = ConvNeXt(blocks, num_classes=num_classes, layer_scale=0.5)
    return network


def _vit(num_classes: int) -> nn.Module:
    network: nn.Module = VisionTransformer(32, 8, 3, 2, 16, 32, num_classes=num_classes)
    # torchvision starts the head at zero, which sees nothing.
    nn.init.normal_(network.get_parameter("heads.head.weight"))
    return network


def _timm(name: str, num_classes: int) -> nn.Module:
    network = build_timm(name, num_classes)
    nn.init.normal_(network.network.get_classifier().weight)  # timm starts the head near zero
    return network


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "slim": partial(SlimResNet, 8),
    "resnet": lambda num_classes: ResNet(Bottleneck, [1, 1, 1, 1], num_classes),
    "mobilenet": _mobilenet,
    "efficientnet": _efficientnet,
    "convnext": _convnext,
    "vit": _vit,
    "timm": partial(_timm, "test_efficientnet"),
    "timm_vit": partial(_timm, "test_vit"),
}


def tiny_network(kind: str, num_classes: int = 3) -> nn.Module:
    """The network ``kind`` in evaluation mode, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BUILDERS[kind](num_classes).eval()
