"""Networks whose maps come from one sequence of stages: MobileNet V3 (Howard et al. 2019), EfficientNet (Tan & Le 2019,
2021) and ConvNeXt (Liu et al. 2022), all of torchvision.
"""

from torch import Tensor
from torchvision.models import ConvNeXt, EfficientNet, MobileNetV3

from empaste.networks.family import Family, Maps


def _convolutional_maps(network: MobileNetV3 | EfficientNet | ConvNeXt, inputs: Tensor) -> Maps:
    return Maps(network.features(inputs))


def _classify_pooled(network: MobileNetV3 | EfficientNet, maps: Maps) -> tuple[Tensor, Tensor]:
    phi = network.avgpool(maps.grid).flatten(1)
    return network.classifier(phi), phi


def _classify_convnext(network: ConvNeXt, maps: Maps) -> tuple[Tensor, Tensor]:
    norm, flatten, head = network.classifier
    phi = flatten(norm(network.avgpool(maps.grid)))
    return head(phi), phi


def _stages_of_features(network: MobileNetV3 | EfficientNet | ConvNeXt) -> list[str]:
    return [f"features.{number}" for number in range(len(network.features))]


MOBILENET_V3 = Family(_convolutional_maps, _classify_pooled, "classifier.0", "classifier.3", _stages_of_features)
EFFICIENTNET = Family(_convolutional_maps, _classify_pooled, "classifier.1", "classifier.1", _stages_of_features)
CONVNEXT = Family(_convolutional_maps, _classify_convnext, "classifier.2", "classifier.2", _stages_of_features)
