"""Networks by name, and their families by class: a new family is one file and its lines here."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torchvision
from torch import nn
from torchvision.models import ConvNeXt, EfficientNet, MobileNetV3, VisionTransformer
from torchvision.models.resnet import ResNet

from empaste.errors import InputError
from empaste.networks import convolutional, resnet, vit
from empaste.networks.family import Family
from empaste.networks.resnet import SlimResNet

FAMILIES: dict[type[nn.Module], Family] = {
    SlimResNet: resnet.FAMILY,
    ResNet: resnet.FAMILY,
    MobileNetV3: convolutional.MOBILENET_V3,
    EfficientNet: convolutional.EFFICIENTNET,
    ConvNeXt: convolutional.CONVNEXT,
    VisionTransformer: vit.FAMILY,
}
"""The kinds of networks, by their class."""


def _slim(width: int, num_classes: int, image_size: int, pooled: bool) -> nn.Module:
    return SlimResNet(width, num_classes, pooled)


def _of_torchvision(width: int, num_classes: int, image_size: int, name: str) -> nn.Module:
    network: nn.Module = getattr(torchvision.models, name)(weights=None, num_classes=num_classes)
    return network


def _vit(width: int, num_classes: int, image_size: int, name: str) -> nn.Module:
    patch = int(name.rsplit("_", 1)[1])
    if image_size % patch:
        near = max(1, round(image_size / patch)) * patch
        raise InputError(
            f"image_size is {image_size}, but {name} cuts an image into patches of {patch} pixels; "
            f"choose a multiple of {patch}, such as {near}"
        )
    network: nn.Module = getattr(torchvision.models, name)(weights=None, num_classes=num_classes, image_size=image_size)
    return network


Builder: TypeAlias = Callable[[int, int, int], nn.Module]
"""Takes width, number of classes and image size."""
_PLAIN = (
    *("resnet18", "resnet34", "resnet50", "resnet101"),
    *("mobilenet_v3_small", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base"),
)
ARCHITECTURES: dict[str, Builder] = {
    "resnet_slim": partial(_slim, pooled=False),
    "resnet_slim_pooled": partial(_slim, pooled=True),
    **{name: partial(_of_torchvision, name=name) for name in _PLAIN},
    **{name: partial(_vit, name=name) for name in ("vit_b_16", "vit_b_32", "vit_l_16")},
}
RESNETS = tuple(name for name in ARCHITECTURES if name.startswith("resnet"))


def family_of(network: nn.Module) -> Family:
    """The family that ``network`` belongs to."""
    return FAMILIES[type(network)]
