"""COCO detection data sets as COCO publishes them and as annotation tools export them.

Ids and supercategories are kept. Image-level labels are the categories of an image's annotations, crowds among them.
Training images without annotation are left out and counted; validation images without annotation stay. The files are
found by `coco_layout`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from empaste.artifacts.fields import ID_LIMIT
from empaste.artifacts.foreign_coco import (
    ForeignCoco,
    ListedCategory,
    ListedImage,
    ListedInstance,
    read_foreign_coco,
)
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.coco_layout import annotation_files, image_paths
from empaste.datasets.decoding import annotated_frame, box_upright, masks_upright, to_picture
from empaste.datasets.naming import (
    ImageFiles,
    existing_folder,
    merge_spellings,
    name_files,
)
from empaste.datasets.outlines import draw_outlines, outside
from empaste.datasets.records import ClassName, DataSet, Example, Frame, Outline, Picture, Split
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import drawn_splits
from empaste.errors import InputError
from empaste.photographs import read_photograph


def open_coco(settings: PrepareSettings) -> DataSet:
    """The COCO data set under ``settings.root``; `InputError` where its layout or its annotations are broken."""
    root = existing_folder(settings.folder)
    files = annotation_files(root)
    remarks: list[Remark] = []
    warnings: list[str] = []
    contents = {split: read_foreign_coco(path) for split, path in files.items()}
    remarks += [remark for content in contents.values() for remark in content.remarks]
    classes = merge_categories(list(contents.values()))
    images = ImageFiles(root)
    found = {split: _examples(images, split, content, remarks) for split, content in contents.items()}
    if "" in found:  # entries of one file come together before they could be drawn into both splits
        found = _split_by_seed(_merged(found[""], remarks), contents[""].path, settings, warnings)
    train = [example for example in found["train"] if example.class_ids]
    if dropped := len(found["train"]) - len(train):
        origin = files.get("train", files.get(""))
        warnings.append(f"{origin}: {dropped} training images have no annotation and are left out")
    train, val = _separate_ids(train, found["val"], warnings)
    merged = _without_negative_ids(_merged([*train, *val], remarks), warnings)
    examples = name_files(merged)
    classes, examples = count_from_one(classes, examples, warnings)
    return DataSet(classes, examples, load_annotated, dropped, (*warnings, *summarise(remarks)))


def load_annotated(example: Example, max_side: int, frame: Frame = "upright") -> Picture:
    """The picture of an example that has a file and outlines, in the ``frame`` where their size does not tell."""
    assert example.path is not None
    photograph, name, outlines = read_photograph(example.path), str(example.path), example.outlines
    frame = annotated_frame(photograph, example.size_hw, name, frame)
    # One at a time: the masks of a large photograph together can be larger than memory.
    instances = (
        (
            one.class_id,
            masks_upright(photograph, example.size_hw, partial(draw_outlines, [one]), name, frame)[0],
            one.iscrowd,
        )
        for one in outlines
        if one.segmentation is not None
    )
    boxes = [
        (one.class_id, box_upright(one.box_xywh, photograph) if frame == "stored" else one.box_xywh, one.iscrowd)
        for one in outlines
        if one.segmentation is None and one.box_xywh is not None
    ]
    height, width = example.size_hw or photograph.image.shape[:2]
    remarks = outside(outlines, height, width)
    remarks += [
        Remark("annotations have a box and no mask; in mask AP their boxes are ignored as crowds are", one.origin)
        for one in outlines
        if one.segmentation is None and one.box_xywh is not None
    ]
    return to_picture(photograph, example.class_ids, instances, max_side, name, None, boxes, remarks)


def merge_categories(contents: Sequence[ForeignCoco]) -> tuple[ClassName, ...]:
    """The categories of several COCO files, by id; `InputError` where the files contradict each other."""
    by_id: dict[int, ListedCategory] = {}
    for content in contents:
        for one in content.categories:
            known = by_id.setdefault(one.category_id, one)
            if known.name != one.name:
                raise InputError(
                    f"{content.path}: category {one.category_id} is {one.name!r}, but {known.name!r} in the other "
                    "split; both files need the same categories"
                )
    names = [one.name for one in by_id.values()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"categories {', '.join(doubled)} stand under several ids; every name needs one id")
    ordered = (by_id[key] for key in sorted(by_id))
    return tuple(ClassName(one.category_id, one.name, one.supercategory) for one in ordered)


def as_outlines(instances: Iterable[ListedInstance], remarks: list[Remark]) -> tuple[Outline, ...]:
    """The instances of an image as outlines; one with neither mask nor box is left out with a remark."""
    kept = []
    for one in instances:
        if one.segmentation is None and one.box_xywh is None:
            remarks.append(Remark("annotations have neither mask nor box, and are labels alone", one.origin))
            continue
        kept.append(Outline(one.category_id, one.segmentation, one.iscrowd, one.origin, one.box_xywh))
    return tuple(kept)


def annotated_size(image: ListedImage, outlines: Iterable[Outline]) -> tuple[int, int] | None:
    """Height and width that annotations refer to: as the image's entry states, else as the first RLE does."""
    if image.size_hw is not None:
        return image.size_hw
    sizes = (one.segmentation["size"] for one in outlines if isinstance(one.segmentation, dict))
    match next(sizes, None):
        case [int(height), int(width)] if min(height, width) > 0:
            return height, width
    return None


def _split_by_seed(
    examples: Sequence[Example], path: Path, settings: PrepareSettings, warnings: list[str]
) -> dict[str, list[Example]]:
    """The labelled images of a file without splits, divided by seed; the others are handed on as training images."""
    labelled = [example for example in examples if example.class_ids]
    splits = drawn_splits([example.listed_as for example in labelled], settings, path, warnings)
    found: dict[str, list[Example]] = {"train": [example for example in examples if not example.class_ids], "val": []}
    for example in labelled:
        split = splits[example.listed_as]
        found[split].append(replace(example, split=split))
    return found


def _examples(images: ImageFiles, split: str, content: ForeignCoco, remarks: list[Remark]) -> list[Example]:
    """One example per image of a split, its file name still open."""
    instances = content.instances_by_image()
    paths = image_paths(images, split, content, remarks)
    own: Split = "val" if split == "val" else "train"
    examples = []
    for one in content.images:
        shown = instances.get(one.image_id, ())
        outlines = as_outlines(shown, remarks)
        examples.append(
            Example(
                one.image_id,
                own,
                one.file_name,
                tuple(sorted({instance.category_id for instance in shown})),
                paths[one.image_id],
                annotated_size(one, outlines),
                outlines,
                one.file_name,
            )
        )
    return examples


def _separate_ids(train: list[Example], val: list[Example], warnings: list[str]) -> tuple[list[Example], list[Example]]:
    """The examples with ids of their own in both splits; where they clash, those of validation are moved beyond."""
    taken = {example.image_id for example in train}
    if not taken.intersection(example.image_id for example in val):
        return train, val
    shift = max(taken) + 1 - min(example.image_id for example in val)
    if max(example.image_id for example in val) + shift >= ID_LIMIT:
        warnings.append("both splits use the same image ids, some near the largest of all; images are counted from 1")
        return _counted(train, 1), _counted(val, 1 + len(train))
    warnings.append(f"both splits use the same image ids; those of the validation images are raised by {shift}")
    return train, [replace(example, image_id=example.image_id + shift) for example in val]


def _merged(examples: Sequence[Example], remarks: list[Remark]) -> list[Example]:
    """The examples in order of id, one for every file."""
    return merge_spellings(sorted(examples, key=lambda example: example.image_id), remarks)


def _without_negative_ids(examples: list[Example], warnings: list[str]) -> list[Example]:
    """The same, counted from 1 where an id is below 0: the ids of images seed random numbers, which takes none such."""
    lowest = min((example.image_id for example in examples), default=0)
    if lowest >= 0:
        return examples
    warnings.append(f"image ids start at {lowest}; images are counted from 1, in the order of their ids")
    return _counted(examples, 1)


def _counted(examples: Sequence[Example], first: int) -> list[Example]:
    ordered = sorted(examples, key=lambda example: example.image_id)
    return [replace(example, image_id=number) for number, example in enumerate(ordered, first)]


def count_from_one(
    classes: tuple[ClassName, ...], examples: tuple[Example, ...], warnings: list[str]
) -> tuple[tuple[ClassName, ...], tuple[Example, ...]]:
    """The same with class ids of at least 1: where they start lower, all are raised."""
    shift = 1 - min((one.class_id for one in classes), default=1)
    if shift <= 0:
        return classes, examples
    if max(one.class_id for one in classes) + shift >= ID_LIMIT:
        raise InputError(f"category ids go from {1 - shift} to {max(one.class_id for one in classes)}; count from 1")
    warnings.append(f"category ids start at {1 - shift}; all are raised by {shift}")
    return tuple(replace(one, class_id=one.class_id + shift) for one in classes), tuple(
        replace(
            example,
            class_ids=tuple(class_id + shift for class_id in example.class_ids),
            outlines=tuple(replace(one, class_id=one.class_id + shift) for one in example.outlines),
        )
        for example in examples
    )
