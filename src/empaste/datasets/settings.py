"""The section ``prepare`` of ``params.yaml``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.layout import in_main_repository
from empaste.settings import Count, FileName, Positive, PositiveFloat, Settings


class LongTail(Settings):
    """Class sizes that fall by a Pareto density."""

    max_size: Count
    min_size: Positive
    shape: PositiveFloat


class PrepareSettings(Settings):
    """The data set in use."""

    dataset: Literal["demo", "folder", "coco", "voc"]
    root: FileName
    seed: Count
    num_train: Positive
    num_val: Positive
    image_size: Annotated[int, Field(ge=64, le=1024)]
    max_side: Count
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    max_train: Count
    max_val: Count
    annotation_frame: Literal["auto", "upright", "stored"]
    trim_margins: bool
    long_tail: LongTail

    @property
    def folder(self) -> Path:
        """The folder ``root`` of the data set; a relative one lies below the main repository. The demo has none."""
        assert self.root is not None
        return in_main_repository(self.root)

    @model_validator(mode="after")
    def _root_where_needed(self) -> "PrepareSettings":
        if self.dataset != "demo" and not self.root:
            raise ValueError(f"root is null, but dataset {self.dataset} is read from a folder; set prepare.root to it")
        return self

    @model_validator(mode="after")
    def _tail_falls(self) -> "PrepareSettings":
        tail = self.long_tail
        if 0 < tail.max_size < tail.min_size:
            raise ValueError(
                f"long_tail.min_size is {tail.min_size}, more than long_tail.max_size, {tail.max_size}; lower it"
            )
        return self
