"""The section ``refine`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.edges.settings import WalkSettings
from empaste.networks.names import Backbone
from empaste.settings import (
    Count,
    Device,
    FileName,
    Fraction,
    NonNegative,
    Positive,
    PositiveFloat,
    RisingRange,
    Settings,
)

CONTOURS = "refine.contours"


class RefineSettings(Settings):
    """Rounds of a segmentation network that learns the foregrounds and draws them anew."""

    rounds: Count
    folds: Positive
    architecture: Backbone
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: FileName
    image_size: Annotated[int, Field(ge=32, multiple_of=32)]
    iterations: Positive
    batch_size: Positive
    learning_rate: PositiveFloat
    backbone_rate: NonNegative
    weight_decay: NonNegative
    jitter: RisingRange
    told_apart: Literal["shown", "all"]
    scale: PositiveFloat
    flip: bool
    to_peak: bool
    contours: FileName
    walk: WalkSettings
    threshold: Annotated[float, Field(gt=0, lt=1)]
    unseen: Literal["drop", "keep"]
    void_threshold: Annotated[float, Field(gt=0, le=1)]
    min_area: Fraction
    min_piece: Fraction
    max_instances: Positive
    seed: Count
    num_threads: Count
    device: Device

    @property
    def looking_side(self) -> int:
        """The longest side in pixels of an image that the trained network looks at."""
        return max(1, round(self.scale * self.image_size))

    @model_validator(mode="after")
    def _norms_have_cells(self) -> "RefineSettings":
        if self.image_size == 32 and self.batch_size == 1 and self.weights is None:
            raise ValueError(
                "batch_size is 1 with an image_size of 32, of which batch normalisation may see a single cell; set "
                "batch_size to 2 or more, or image_size to 64 or more"
            )
        return self
