"""ResNets (He et al. 2016): torchvision's, and slim ones for small images and small machines."""

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from empaste.networks.family import Family, Maps


class GeneralisedMean(nn.Module):
    """Pools a map into one value per channel, ``mean(x^3)^(1/3)`` (Radenović et al. 2019): strong places count more.

    Small objects hardly show in a plain mean; from scratch a classifier learns them sooner from this one.
    """

    def forward(self, maps: Float[Tensor, "n d h w"]) -> Float[Tensor, "n d 1 1"]:
        """The pooled maps; negative values count as zero."""
        return maps.clamp(min=1e-6).pow(3).mean((2, 3), keepdim=True).pow(1 / 3)


class SlimResNet(nn.Module):
    """A ResNet of one `BasicBlock` per stage with torchvision's attribute names.

    Channels ``width * (1, 2, 4, 8)`` at strides 2, 4, 8, 16: the stem halves the image once and does not pool. With
    ``pooled`` the stem pools as torchvision's does, the strides are 4, 8, 16, 16 (half the work), and the last maps are
    pooled by a generalised mean.
    """

    def __init__(self, width: int, num_classes: int = 1000, pooled: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pooled else nn.Identity()
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 1 if pooled else 2)
        self.avgpool = GeneralisedMean() if pooled else nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """The logits."""
        return _classify_resnet(self, _resnet_maps(self, inputs))[0]


ResNetLike: TypeAlias = ResNet | SlimResNet
"""A network with the parts of torchvision's ResNets."""


def _stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels_in == channels:
        return nn.Sequential(BasicBlock(channels_in, channels))
    shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return nn.Sequential(BasicBlock(channels_in, channels, stride, shortcut))


def _resnet_maps(network: ResNetLike, inputs: Tensor) -> Maps:
    out = network.maxpool(network.relu(network.bn1(network.conv1(inputs))))
    return Maps(network.layer4(network.layer3(network.layer2(network.layer1(out)))))


def _classify_resnet(network: ResNetLike, maps: Maps) -> tuple[Tensor, Tensor]:
    phi = network.avgpool(maps.grid).flatten(1)
    return network.fc(phi), phi


def _resnet_layers(network: ResNetLike) -> list[str]:
    return ["layer1", "layer2", "layer3", "layer4"]


FAMILY = Family(_resnet_maps, _classify_resnet, "fc", "fc", _resnet_layers)
