"""The section ``evidence`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from empaste.settings import Count, Device, NonNegative, Positive, Settings


class EvidenceWeights(Settings):
    """How much each term of the evidence counts."""

    cam_overlap: NonNegative
    insertion: NonNegative
    deletion: NonNegative
    objectness: NonNegative
    frame: NonNegative


class EvidenceSettings(Settings):
    """What an image itself says of its segments."""

    fills: Annotated[list[Literal["blur", "gray"]], Field(min_length=1)]
    num_judged: Count
    num_reranked: Count
    weights: EvidenceWeights
    batch_size: Positive
    num_threads: Count
    device: Device
