"""The names of networks, as parameters give them; `architectures` builds them."""

from typing import Annotated

from pydantic import AfterValidator

SLIM = ("resnet_slim", "resnet_slim_pooled")
"""This project's own: small ones for small images and small machines."""
RESNETS = (*SLIM, "resnet18", "resnet34", "resnet50", "resnet101")
"""Those with the parts of torchvision's ResNets."""
CONVOLUTIONAL = (
    *("resnet18", "resnet34", "resnet50", "resnet101"),
    *("mobilenet_v3_small", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base"),
)
VITS = ("vit_b_16", "vit_b_32", "vit_l_16")
NAMES = (*SLIM, *CONVOLUTIONAL, *VITS)
TIMM = "timm:"
"""What stands before the name of one of timm's networks."""
BACKBONES = tuple(name for name in RESNETS if name != "resnet_slim_pooled")
"""What detectors take, beside timm's."""


def check_architecture(name: str) -> str:
    """``name``, where it is one of `NAMES` or names a network of timm's; `ValueError` lists them."""
    return _check(name, NAMES)


def check_backbone(name: str) -> str:
    """``name``, where it is one of `BACKBONES` or names a network of timm's; `ValueError` lists them."""
    return _check(name, BACKBONES)


def _check(name: str, known: tuple[str, ...]) -> str:
    if name in known or (name.startswith(TIMM) and len(name) > len(TIMM)):
        return name
    raise ValueError(f"choose from {', '.join(known)}, or {TIMM}NAME with a network of timm's")


Architecture = Annotated[str, AfterValidator(check_architecture)]
Backbone = Annotated[str, AfterValidator(check_backbone)]
