"""What a data set holds, counted by the readers that ``prepare`` uses; of images no more than their headers is read."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from empaste.artifacts.csv_tables import read_csv
from empaste.artifacts.fields import listed
from empaste.datasets.folder import LAYOUT
from empaste.datasets.opening import index_data_set, open_data_set
from empaste.datasets.records import DataSet
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import NO_SPLITS
from empaste.errors import InputError
from empaste.photographs import Header, read_header
from empaste.report.sheets.panels import counted
from empaste.scaleout import map_items

MANY = 5000
"""From so many images on, worker processes read their headers."""


@dataclass(frozen=True)
class Found:
    """A data set in numbers.

    ``images_per_class`` are those of the training split, by name; ``longest_side`` is the median in pixels;
    ``masks_val`` counts validation images with annotations of instances, ``splits_drawn`` says whether the splits are
    drawn at random; ``warnings`` are those of the reader.
    """

    train: int
    val: int
    images_per_class: Mapping[str, int]
    longest_side: int
    masks_val: int
    splits_drawn: bool
    unused_classes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def smallest_class(self) -> int:
        """The training images of the class that has fewest."""
        return min(self.images_per_class.values())


class UnreadableError(InputError):
    """Images whose headers cannot be read: ``files`` by the names that the data set gives them, with the reason."""

    def __init__(self, files: Sequence[tuple[str, str]]) -> None:
        """An error that lists them."""
        super().__init__(f"{counted(len(files), 'image')} cannot be read: {listed([reason for _, reason in files])}")
        self.files = tuple(files)


def count_data_set(settings: PrepareSettings) -> Found:
    """The counts of the data set that ``settings`` name.

    `InputError` as for ``prepare``, and where a class has images but none for training; `UnreadableError` where
    headers of images cannot be read.
    """
    data = open_data_set(settings, read_all).data
    headers, splits_drawn = _headers(data), _are_drawn(settings, data.warnings)
    per_class = _images_per_class(data, splits_drawn)
    return Found(
        train=sum(one.split == "train" for one in data.examples),
        val=sum(one.split == "val" for one in data.examples),
        images_per_class=per_class,
        longest_side=round(float(np.median([max(one.height, one.width) for one in headers]))),
        masks_val=sum(one.split == "val" and bool(one.outlines or one.mask_path) for one in data.examples),
        splits_drawn=splits_drawn,
        unused_classes=tuple(sorted({one.name for one in data.classes} - per_class.keys())),
        warnings=data.warnings,
    )


def images_to_split(settings: PrepareSettings) -> int:
    """How many images the splits are drawn from; 0 where the data set says itself what validates.

    No image is read. `InputError` as for ``prepare``.
    """
    data = index_data_set(settings, read_all).data
    return len(data.examples) if _are_drawn(settings, data.warnings) else 0


def read_all(function: Callable[[Any], Any], items: Sequence[Any], what: str) -> Iterator[Any]:
    """``function`` of every item in order, in processes of their own where there are so many that these pay."""
    return map_items(function, items, what, None if len(items) >= MANY else 1)


def _headers(data: DataSet) -> list[Header]:
    names, paths = zip(*((one.listed_as, one.path) for one in data.examples), strict=True)
    read = list(read_all(_header, paths, "sizes"))
    if bad := [(name, found) for name, found in zip(names, read, strict=True) if isinstance(found, str)]:
        raise UnreadableError(bad)
    return [one for one in read if isinstance(one, Header)]


def _header(path: Path) -> Header | str:
    """The header of an image, or what is wrong with it."""
    try:
        return read_header(path)
    except InputError as error:
        return str(error)


def _images_per_class(data: DataSet, splits_drawn: bool) -> dict[str, int]:
    """Training images by class, of the classes that any image shows; `InputError` where one has none for training."""
    names = {one.class_id: one.name for one in data.classes}
    train, every = Counter(_shown(data, ("train",))), set(_shown(data, ("train", "val")))
    if lacking := [name for key, name in names.items() if key in every and not train[key]]:
        noun, them = ("classes have", "them") if len(lacking) > 1 else ("class has", "it")
        advice = (
            f"the splits are drawn: add further images of {them}, leave {them} out until there are more, or name the "
            "split of every image (a column split of the labels; with COCO or VOC a file per split)"
            if splits_drawn
            else f"add images of {them}, or move some into the split train"
        )
        raise InputError(
            f"{len(lacking)} {noun} validation images and no training image, so that nothing could "
            f"learn {them}: {listed(lacking)}; {advice}"
        )
    return {name: train[key] for key, name in names.items() if train[key]}


def _shown(data: DataSet, splits: Sequence[str]) -> Iterator[int]:
    return (class_id for one in data.examples if one.split in splits for class_id in one.class_ids)


def _are_drawn(settings: PrepareSettings, warnings: Sequence[str]) -> bool:
    """Whether the data set says nothing of splits, so that ``prepare`` draws them."""
    if settings.dataset != "folder":
        return any(NO_SPLITS in warning for warning in warnings)
    return "split" not in read_csv(settings.folder / "labels.csv", ("file", "label"), ("split",), LAYOUT).columns
