"""The section ``cams`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from empaste.edges.settings import WalkSettings
from empaste.settings import Count, Device, FileName, Percent, Positive, PositiveFloat, Settings

CONTOURS = "cams.contours"


class LseSettings(Settings):
    """How a localiser learns; see `empaste.classification.localiser`."""

    sharpness: PositiveFloat
    iterations: Annotated[int, Field(ge=2)]
    seed: Count


class CamSettings(Settings):
    """A heat map per (image, class)."""

    method: Literal["grad_cam", "lse"]
    lse: LseSettings
    follow_edges: bool
    level: Annotated[float, Field(gt=0, lt=1)]
    contours: FileName
    walk: WalkSettings
    keep: Literal["threshold", "top_percent"]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    top_percent: Percent
    scales: Annotated[list[Annotated[float, Field(gt=0, le=8)]], Field(min_length=1)]
    flip: bool
    batch_size: Positive
    num_threads: Count
    device: Device
