"""The section ``evaluate`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from empaste.settings import Count, Device, Fraction, Positive, Settings


class EvaluateSettings(Settings):
    """Detections on the validation split, and their AP."""

    protocol: Literal["coco", "voc"]
    min_score: Fraction
    max_detections: Positive
    classifier_weight: Annotated[float, Field(ge=0, lt=1)]
    batch_size: Positive
    num_threads: Count
    device: Device
