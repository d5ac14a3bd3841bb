"""The records of COCO files as types. Keys beyond COCO's own are this project's; other COCO tools ignore them."""

from collections.abc import Iterable
from typing import NotRequired, TypedDict, TypeVar

from empaste.rle import RLE

TABLES = ("images", "annotations", "categories")
"""The lists of records that every COCO detection data set has."""


class ImageRecord(TypedDict):
    """An image. Beyond COCO: ``void`` covers pixels of which nobody said what they show.

    Of a composite ``kind`` says what it was pasted on ("original" or "background"), ``source_id`` on which of them, and
    ``pasted_on`` whether anything was pasted at all.
    """

    id: int
    file_name: str
    height: int
    width: int
    void: NotRequired[RLE]
    kind: NotRequired[str]
    source_id: NotRequired[int]
    pasted_on: NotRequired[bool]


class Category(TypedDict):
    """A class."""

    id: int
    name: str
    supercategory: NotRequired[str]


class InstanceRecord(TypedDict):
    """An annotation that belongs to no data set yet; its box is x, y, width, height.

    Beyond COCO: ``box_only`` is 1 where the data set has a box and no mask (see `artifacts.truth`); ``score`` is the
    confidence of what a detector annotated. Of a composite's instance ``source`` says whether it was "pasted" or is the
    image's own ("original"), and ``segment_id`` or ``annotation_id`` which foreground it is.
    """

    category_id: int
    segmentation: RLE
    area: float
    bbox: list[float]
    iscrowd: int
    score: NotRequired[float | None]
    box_only: NotRequired[int]
    source: NotRequired[str]
    segment_id: NotRequired[int]
    annotation_id: NotRequired[int]


class Annotation(InstanceRecord):
    """An annotation of a data set."""

    id: int
    image_id: int


class DetectedInstance(TypedDict):
    """What a detector found in an image; its box is x, y, width, height in pixels of the image."""

    category_id: int
    bbox: list[float]
    score: float
    segmentation: RLE


class Detection(DetectedInstance):
    """A row of a COCO results file."""

    image_id: int


class Coco(TypedDict):
    """A COCO detection data set."""

    info: NotRequired[dict[str, object]]
    images: list[ImageRecord]
    annotations: list[Annotation]
    categories: list[Category]


class OfImage(TypedDict):
    """Any record that belongs to an image."""

    image_id: int


Row = TypeVar("Row", bound=OfImage)


def rows_by_image(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each image that has any, in order."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["image_id"], []).append(row)
    return found
