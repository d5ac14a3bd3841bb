"""The names of networks, as parameters give them; `architectures` builds them."""

from typing import Annotated

from pydantic import AfterValidator

SLIM_RESNETS = ("resnet_slim", "resnet_slim_pooled")
"""This project's own: small ones for small images and small machines."""
RESNETS = (*SLIM_RESNETS, "resnet18", "resnet34", "resnet50", "resnet101")
"""Those with the parts of torchvision's ResNets, which detectors take beside timm's networks."""
CONVOLUTIONAL = (
    *("resnet18", "resnet34", "resnet50", "resnet101"),
    *("mobilenet_v3_small", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base"),
)
VITS = ("vit_b_16", "vit_b_32", "vit_l_16")
NAMES = (*SLIM_RESNETS, *CONVOLUTIONAL, *VITS)
TIMM = "timm:"
"""What stands before the name of one of timm's networks."""

CLASSIFIER = "classifier"
"""As ``weights``: what the classifier of the same run has learned."""


def check_architecture(name: str) -> str:
    """``name``, where it is one of `NAMES` or names a network of timm's; `ValueError` lists them."""
    return _check(name, NAMES)


def check_backbone(name: str) -> str:
    """``name``, where it is one of `RESNETS` or names a network of timm's; `ValueError` lists them."""
    return _check(name, RESNETS)


def share_weights(architectures: tuple[str, str], widths: tuple[int, int]) -> bool:
    """Whether two networks have the same tensors; widths count for the slim ones, which differ in their strides."""
    if all(name in SLIM_RESNETS for name in architectures):
        return widths[0] == widths[1]
    return architectures[0] == architectures[1]


def _check(name: str, known: tuple[str, ...]) -> str:
    if name in known or (name.startswith(TIMM) and len(name) > len(TIMM)):
        return name
    raise ValueError(f"choose from {', '.join(known)}, or {TIMM}NAME with a network of timm's")


Architecture = Annotated[str, AfterValidator(check_architecture)]
Backbone = Annotated[str, AfterValidator(check_backbone)]
