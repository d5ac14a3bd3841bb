"""From examples of a data set to the files and rows that the other stages read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from empaste.artifacts.coco import box_instance, coco_dataset, instance
from empaste.artifacts.coco_records import Annotation, Coco
from empaste.artifacts.fields import listed
from empaste.artifacts.remarks import Remark, summarise
from empaste.artifacts.schemas.originals import Originals
from empaste.datasets.records import NO_MARGINS, DataSet, Example, Margins, Picture, Split
from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.rle import RLE

SHOWN_ERRORS = 5
NEED_OTHERS = "add images that do not show it, with a label of their own, such as other"
"""What to do about a class that every training image shows."""


@dataclass(frozen=True)
class Prepared:
    """One image as written: its example, size, labels and annotations (their ids still open), or what was wrong."""

    example: Example
    height: int = 0
    width: int = 0
    class_ids: tuple[int, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    void: RLE | None = None
    error: str | None = None
    remarks: tuple[Remark, ...] = ()
    digest: str = ""
    original_hw: tuple[int, int] | None = None
    margins: Margins = NO_MARGINS


def subsample(data: DataSet, max_train: int, max_val: int, seed: int) -> DataSet:
    """``data`` with at most so many examples per split, drawn by ``seed``; 0 keeps all. Order is kept.

    `InputError` where a split has none at all.
    """
    kept: set[int] = set()
    limits: tuple[tuple[Split, int], ...] = (("train", max_train), ("val", max_val))
    for stream, (split, limit) in enumerate(limits):
        ids = [example.image_id for example in data.examples if example.split == split]
        if not ids:
            raise InputError(
                f"the data set has no images in its split {split}; add some: it takes at least one in train and in val"
            )
        drawn = np.random.default_rng([seed, 71, stream]).permutation(len(ids))
        kept.update(ids[at] for at in drawn[: limit or None])
    return replace(data, examples=tuple(example for example in data.examples if example.image_id in kept))


def write_example(example: Example, load: Callable[[Example, int], Picture], max_side: int, folder: Path) -> Prepared:
    """Load ``example``, at most ``max_side`` pixels long, and write it under ``folder``; bad input is handed back."""
    try:
        picture = load(example, max_side)
    except InputError as error:
        return Prepared(example, error=str(error))
    path = folder / example.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.jpeg)
    size_hw = picture.height, picture.width
    annotations = [
        instance(0, example.image_id, class_id, encode_mask(mask), iscrowd=iscrowd)
        for class_id, mask, iscrowd in picture.masks
    ]
    annotations += [
        box_instance(0, example.image_id, class_id, box_xywh, size_hw, iscrowd)
        for class_id, box_xywh, iscrowd in picture.boxes
    ]
    void = encode_mask(picture.void) if picture.void is not None and picture.void.any() else None
    return Prepared(
        example, *size_hw, picture.class_ids, tuple(annotations), void, None, picture.remarks, picture.digest,
        picture.original_hw, picture.margins,
    )  # fmt: skip


def refuse_errors(prepared: Sequence[Prepared]) -> None:
    """`InputError` that lists what was wrong with the first few images, and how many there are."""
    errors = [row.error for row in prepared if row.error]
    if errors:
        more = [f"and {len(errors) - SHOWN_ERRORS} more images"] if len(errors) > SHOWN_ERRORS else []
        raise InputError("\n".join(errors[:SHOWN_ERRORS] + more))


def warnings_of(data: DataSet, prepared: Sequence[Prepared]) -> list[str]:
    """What the images showed once they were read: what was left out, names of classes that are hard to tell apart,
    classes that cannot be learned from these images, and files of both splits that hold the same picture.
    """
    remarks = [remark for row in prepared for remark in row.remarks]
    counts = count_images(data, prepared)
    in_all = shown_by_all(counts["images_per_class"], counts["train_images"])
    return [*summarise(remarks), *_near_names(data), *in_all, *_equal_pictures(prepared)]


def shown_by_all(images_per_class: Mapping[str, int], num_train: int) -> list[str]:
    """A warning for classes, by name, that each of the ``num_train`` training images shows."""
    always = [name for name, number in images_per_class.items() if number == num_train]
    if not always:
        return []
    return [
        f"every training image shows {listed(always)}: the classifier cannot learn what tells that from anything else, "
        f"and its heat maps mean nothing; {NEED_OTHERS}"
    ]


def _near_names(data: DataSet) -> list[str]:
    """A warning for names that differ in case alone: they are classes of their own."""
    by_folded: dict[str, list[str]] = {}
    for one in data.classes:
        by_folded.setdefault(one.name.casefold(), []).append(one.name)
    near = [" and ".join(names) for names in by_folded.values() if len(names) > 1]
    return [f"classes differ in case alone and are kept apart: {listed(near)}"] if near else []


def _equal_pictures(prepared: Sequence[Prepared]) -> list[str]:
    """A warning for validation images that show, pixel for pixel, what a training image shows."""
    training = {row.digest: row.example for row in prepared if row.digest and row.example.split == "train"}
    pairs = [
        f"{row.example.file_name} is {training[row.digest].file_name}"
        for row in prepared
        if row.example.split == "val" and row.digest in training
    ]
    if not pairs:
        return []
    return [
        f"{len(pairs):,} validation images are copies of training images, so that figures look better than they are; "
        f"remove them from one split: {listed(pairs)}"
    ]


def image_table(prepared: Iterable[Prepared]) -> pd.DataFrame:
    """The rows of `schemas.prepare.Images`."""
    rows = [(row.example.image_id, row.example.split, row.example.file_name, row.height, row.width) for row in prepared]
    return pd.DataFrame(rows, columns=["image_id", "split", "file_name", "height", "width"])


def original_table(prepared: Iterable[Prepared], root: Path | None) -> pd.DataFrame:
    """The rows of `schemas.originals.Originals`, for the data set in ``root``; none of the demo, which has no files."""
    rows = [
        (row.example.image_id, _below(row.example.path, root), *row.original_hw, *row.margins)
        for row in prepared
        if row.example.path is not None and row.original_hw is not None
    ]
    return pd.DataFrame(rows, columns=list(Originals.to_schema().columns))


def _below(path: Path, root: Path | None) -> str:
    return (path.relative_to(root) if root is not None and path.is_relative_to(root) else path).as_posix()


def label_table(prepared: Iterable[Prepared]) -> pd.DataFrame:
    """The rows of `schemas.prepare.Labels`."""
    rows = [(row.example.image_id, class_id) for row in prepared for class_id in row.class_ids]
    return pd.DataFrame(rows, columns=["image_id", "class_id"])


def class_table(data: DataSet) -> pd.DataFrame:
    """The rows of `schemas.prepare.Classes`."""
    rows = [(one.class_id, one.name, one.supercategory) for one in data.classes]
    return pd.DataFrame(rows, columns=["class_id", "name", "supercategory"])


def truth_of(data: DataSet, prepared: Sequence[Prepared], split: Split, note: str) -> Coco:
    """The ground truth of a split as a COCO data set; ``note`` is its description."""
    table = image_table(prepared)
    rows = table[table["split"] == split]
    return coco_dataset(rows, class_table(data), annotations_of(prepared, split), note, void_of(prepared))


def annotations_of(prepared: Iterable[Prepared], split: Split) -> list[Annotation]:
    """The annotations of a split, their ids counted from 1."""
    found = [annotation for row in prepared if row.example.split == split for annotation in row.annotations]
    return [{**annotation, "id": number} for number, annotation in enumerate(found, 1)]


def void_of(prepared: Iterable[Prepared]) -> dict[int, RLE]:
    """The void pixels of the images that have some, by image id."""
    return {row.example.image_id: row.void for row in prepared if row.void is not None}


def class_histogram(data: DataSet, prepared: Sequence[Prepared], available: Mapping[str, int]) -> pd.DataFrame:
    """Training images per class: as ``available`` before a long tail was drawn, and as prepared; largest first.

    Classes that ``available`` lacks come as they are.
    """
    images = count_images(data, prepared)["images_per_class"]
    rows = [(name, available.get(name, count), count) for name, count in images.items()]
    table = pd.DataFrame(rows, columns=["class_name", "available", "images"])
    return table.sort_values(["images", "available"], ascending=False, kind="stable", ignore_index=True)


class Counts(TypedDict):
    """What `count_images` gives."""

    train_images: int
    val_images: int
    images_without_label: int
    images_per_class: dict[str, int]
    instances_train: int | None
    instances_val: int | None


def count_images(data: DataSet, prepared: Sequence[Prepared]) -> Counts:
    """What ``metrics/prepare.json`` says; instances are None where the split has no masks."""
    per_class = Counter(class_id for row in prepared if row.example.split == "train" for class_id in row.class_ids)
    instances = {
        split: sum(len(row.annotations) for row in prepared if row.example.split == split) or None
        for split in ("train", "val")
    }
    return {
        "train_images": sum(row.example.split == "train" for row in prepared),
        "val_images": sum(row.example.split == "val" for row in prepared),
        "images_without_label": data.num_without_label,
        "images_per_class": {one.name: per_class[one.class_id] for one in data.classes},
        "instances_train": instances["train"],
        "instances_val": instances["val"],
    }
