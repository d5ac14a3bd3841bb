"""The section ``features`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from empaste.networks.names import CLASSIFIER
from empaste.settings import Count, Device, NamesFiles, Positive, Settings


class FeaturesSettings(Settings):
    """How a segment is shown, and to which networks."""

    backbones: Annotated[list[str], Field(min_length=1), NamesFiles(word=CLASSIFIER)]
    views: Annotated[list[Literal["crop", "in_place_gray", "in_place_blur"]], Field(min_length=1)]
    erosion: Count
    batch_size: Positive
    num_threads: Count
    device: Device
