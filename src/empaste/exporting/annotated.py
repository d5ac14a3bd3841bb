"""What is exported, whatever its origin and its format: images with their instances, and the classes."""

from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.coco_records import Category
from empaste.artifacts.shards import ShardEntry
from empaste.rle import RLE


class Instance(NamedTuple):
    """An object in pixels of its image, which has at least one; ``score`` (0 to 1) is None where nothing gave one."""

    class_id: int
    mask: RLE
    score: float | None
    is_crowd: bool


class AnnotatedImage(NamedTuple):
    """An image: ``name`` is its path below a folder of images, with slashes; ``file`` is where its bytes are."""

    image_id: int
    name: str
    size_hw: tuple[int, int]
    file: Path | ShardEntry
    instances: tuple[Instance, ...]


class AnnotatedSet(NamedTuple):
    """Images, those without an instance among them, and all classes in order; ``origin`` says what they are."""

    images: tuple[AnnotatedImage, ...]
    classes: tuple[Category, ...]
    origin: str

    @property
    def num_instances(self) -> int:
        """Of all images together."""
        return sum(len(image.instances) for image in self.images)

    @property
    def places(self) -> dict[int, int]:
        """The place of every class, from 0, by its id."""
        return {row["id"]: place for place, row in enumerate(self.classes)}

    @property
    def class_names(self) -> dict[int, str]:
        """The name of every class by its id, in order."""
        return {row["id"]: row["name"] for row in self.classes}
