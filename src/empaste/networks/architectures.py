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
from empaste.networks.names import CONVOLUTIONAL, VITS
from empaste.networks.resnet import SlimResNet
from empaste.networks.timm_networks import TimmNetwork, family_of_timm

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
ARCHITECTURES: dict[str, Builder] = {
    "resnet_slim": partial(_slim, pooled=False),
    "resnet_slim_pooled": partial(_slim, pooled=True),
    **{name: partial(_of_torchvision, name=name) for name in CONVOLUTIONAL},
    **{name: partial(_vit, name=name) for name in VITS},
}
"""The networks of `names.NAMES`; timm's are built by `timm_networks`."""


def family_of(network: nn.Module) -> Family:
    """The family that ``network`` belongs to."""
    if isinstance(network, TimmNetwork):
        return family_of_timm(network)
    return FAMILIES[type(network)]
