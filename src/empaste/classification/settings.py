"""The section ``classifier`` of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from empaste.networks.names import Architecture
from empaste.settings import Count, Device, NonNegative, Positive, PositiveFloat, Settings


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
