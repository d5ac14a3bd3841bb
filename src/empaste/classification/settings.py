"""The section ``classifier`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from empaste.settings import Count, Device, NonNegative, Positive, PositiveFloat, Settings

Architecture = Literal[
    "resnet_slim", "resnet_slim_pooled", "resnet18", "resnet34", "resnet50", "resnet101",
    "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base",
    "vit_b_16", "vit_b_32", "vit_l_16",
]  # fmt: skip


class ClassifierSettings(Settings):
    """The multi-label image classifier."""

    architecture: Architecture
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: str | None
    image_size: Annotated[int, Field(ge=32)]
    epochs: Positive
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    weight_decay: NonNegative
    seed: Count
    num_threads: Count
    device: Device
