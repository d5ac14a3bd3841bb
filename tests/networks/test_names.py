"""Which names of networks parameters may give."""

import pytest
from pydantic import BaseModel, ValidationError

from empaste.networks.names import NAMES, Architecture, Backbone, share_weights


class Named(BaseModel):
    """A model with both."""

    architecture: Architecture = "resnet18"
    backbone: Backbone = "resnet18"


@pytest.mark.parametrize("name", [*NAMES, "timm:resnet50"])
def test_known_names_and_all_of_timms_are_taken(name: str) -> None:
    assert Named(architecture=name).architecture == name


@pytest.mark.parametrize("name", ["resnet_slim", "resnet_slim_pooled", "resnet101", "timm:tf_efficientnet_lite0"])
def test_backbones_of_detectors(name: str) -> None:
    assert Named(backbone=name).backbone == name


@pytest.mark.parametrize("name", ["resnet", "timm:", "resnet50 "])
def test_others_are_refused_with_the_list(name: str) -> None:
    with pytest.raises(ValidationError, match=r"choose from resnet_slim, .*, vit_l_16, or timm:NAME with a network"):
        Named(architecture=name)


@pytest.mark.parametrize("name", ["vit_b_16", "convnext_tiny"])
def test_a_detector_takes_no_vit(name: str) -> None:
    with pytest.raises(
        ValidationError, match=r"choose from resnet_slim, resnet_slim_pooled, resnet18, .*resnet101, or timm:NAME"
    ):
        Named(backbone=name)


@pytest.mark.parametrize(
    ("architectures", "widths", "shared"),
    [
        (("resnet_slim", "resnet_slim_pooled"), (32, 32), True),
        (("resnet_slim", "resnet_slim_pooled"), (32, 16), False),
        (("resnet18", "resnet18"), (32, 16), True),
        (("resnet18", "resnet34"), (32, 32), False),
        (("resnet_slim", "resnet18"), (32, 32), False),
        (("timm:resnet18", "timm:resnet18"), (32, 32), True),
    ],
)
def test_networks_of_the_same_tensors_share_weights(
    architectures: tuple[str, str], widths: tuple[int, int], shared: bool
) -> None:
    assert share_weights(architectures, widths) == shared
