"""What every reader of a data set hands on: its classes and its examples, nothing decoded yet."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool

from empaste.artifacts.remarks import Remark

Split = Literal["train", "val"]
Frame = Literal["upright", "stored"]
"""Which pixels the annotations of an image that EXIF turns refer to: those a person sees, or those the file holds."""
Mask = tuple[int, Bool[np.ndarray, "h w"], int]
"""Class id, mask, iscrowd."""
Box = tuple[int, tuple[float, float, float, float], int]
"""Class id, box (x, y, width, height), iscrowd."""


@dataclass(frozen=True)
class ClassName:
    """One class of a data set."""

    class_id: int
    name: str
    supercategory: str


@dataclass(frozen=True)
class Outline:
    """One instance as the data set has it.

    ``segmentation`` is a list of polygons ``[x, y, x, y, …]``, or an RLE with ``size`` and ``counts`` (text, or plain
    numbers), or None where there is a box alone; ``origin`` is what an error calls it.
    """

    class_id: int
    segmentation: Any
    iscrowd: int = 0
    origin: str = ""
    box_xywh: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Example:
    """One image of a data set: its id, where it will lie under data/images, its labels and outlines.

    ``size_hw`` is the size that the outlines refer to, None where that is the image's own; ``listed_as`` is what the
    data set calls the image, and ``mask_path`` the file of masks that VOC has in place of outlines.
    """

    image_id: int
    split: Split
    file_name: str
    class_ids: tuple[int, ...]
    path: Path | None = None
    size_hw: tuple[int, int] | None = None
    outlines: tuple[Outline, ...] = ()
    listed_as: str = ""
    mask_path: Path | None = None


class Margins(NamedTuple):
    """The widths in pixels of an image's margins, 0 where it has none."""

    top: int
    bottom: int
    left: int
    right: int


NO_MARGINS = Margins(0, 0, 0, 0)


@dataclass(frozen=True)
class Picture:
    """What loading an example gives: RGB image, bytes of its JPEG, label ids, and the masks of its instances.

    ``boxes`` are those of instances without a mask, inside the image; ``void`` marks pixels of which nobody said what
    they show; ``remarks`` say what of the annotations was left out or changed; ``digest`` tells equal files.
    ``original_hw`` is the size of the whole photograph before it was shrunk, None where there was no file; ``margins``
    were cut off after that.
    """

    jpeg: bytes
    height: int
    width: int
    class_ids: tuple[int, ...]
    masks: tuple[Mask, ...]
    void: Bool[np.ndarray, "h w"] | None = None
    boxes: tuple[Box, ...] = ()
    remarks: tuple[Remark, ...] = ()
    digest: str = ""
    original_hw: tuple[int, int] | None = None
    margins: Margins = NO_MARGINS


@dataclass(frozen=True)
class DataSet:
    """A data set as found: ``load`` turns an example into a `Picture`; it is pure and can go to another process.

    Where there are annotations it also takes their ``frame`` (`frames.with_frame`).
    """

    classes: tuple[ClassName, ...]
    examples: tuple[Example, ...]
    load: Callable[..., Picture]
    num_without_label: int = 0
    warnings: tuple[str, ...] = field(default=())
