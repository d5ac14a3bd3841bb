"""The section ``classifier`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.networks.names import Architecture
from empaste.settings import Count, Device, FileName, NonNegative, PositiveFloat, Settings


class ClassifierSettings(Settings):
    """The multi-label image classifier."""

    architecture: Architecture
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: FileName
    image_size: Annotated[int, Field(ge=32)]
    head: Literal["random", "probe"]
    frozen_norm: bool
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    backbone_rate: NonNegative
    weight_decay: NonNegative
    seed: Count
    num_threads: Count
    device: Device

    @model_validator(mode="after")
    def _knows_something(self) -> "ClassifierSettings":
        if self.head == "probe" and self.weights is None:
            raise ValueError("head is probe, which needs features that are learned; set weights, or head to random")
        if self.frozen_norm and self.weights is None:
            raise ValueError("frozen_norm is true, but there are no weights to keep the statistics of; set it to false")
        if self.epochs == 0 and self.head == "random":
            raise ValueError("epochs is 0, so the random head would stay; set it to 1 or more, or head to probe")
        return self
