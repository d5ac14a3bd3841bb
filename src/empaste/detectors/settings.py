"""The section ``train`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.networks.names import CLASSIFIER, Backbone
from empaste.settings import (
    Count,
    Device,
    Fraction,
    NamesFiles,
    NonNegative,
    Positive,
    PositiveFloat,
    RisingRange,
    Settings,
)


class TrainSettings(Settings):
    """Mask R-CNN."""

    backend: Literal["torchvision", "detectron2"]
    architecture: Backbone
    heads: Literal["standard", "v2", "light"]
    class_agnostic: bool
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: Annotated[str | None, NamesFiles(word=CLASSIFIER)]
    image_size: Annotated[int, Field(ge=32)]
    iterations: Positive
    batch_size: Positive
    accumulate: Positive
    optimizer: Literal["adamw", "sgd"]
    learning_rate: PositiveFloat
    backbone_rate: NonNegative
    reference_batch: Count
    weight_decay: NonNegative
    schedule: Literal["cosine", "steps"]
    warm_up: Fraction
    affinity: NonNegative
    jitter: RisingRange
    precision: Literal["float32", "bfloat16", "float16"]
    compile: bool
    ema: Annotated[float, Field(ge=0, lt=1)]
    checkpoint_every: Positive
    seed: Count
    num_threads: Count
    num_workers: Count
    num_processes: Positive
    device: Device

    @property
    def weights_from_elsewhere(self) -> str | None:
        """What ``weights`` names that is no part of the run; None from scratch, and from the run's classifier."""
        return None if self.weights == CLASSIFIER else self.weights

    @model_validator(mode="after")
    def _parts_are_equal(self) -> "TrainSettings":
        parts = self.num_processes * self.accumulate
        if self.batch_size % parts:
            raise ValueError(
                f"batch_size is {self.batch_size}, which num_processes × accumulate ({self.num_processes} × "
                f"{self.accumulate}) does not divide; choose a multiple of {parts}"
            )
        return self
