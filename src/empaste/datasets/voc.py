"""PASCAL VOC: a devkit, or its year folder (VOC2012), as published.

Trains on ``ImageSets/Segmentation/trainaug.txt`` where that is, else on ``train.txt``, and validates on ``val.txt``;
without segmentation sets, on those of ``ImageSets/Main``. Image-level labels are the object names of the XML files,
difficult ones too. Masks come from SegmentationObject and SegmentationClass; void (255) belongs to no
instance and is kept apart.
"""

import re
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from empaste.datasets.decoding import masks_upright, to_picture
from empaste.datasets.naming import existing_folder, inside, listed, name_files
from empaste.datasets.records import ClassName, DataSet, Example, Picture, Source, Split
from empaste.errors import InputError
from empaste.photographs import DECODING_ERRORS, read_photograph

SUPERCATEGORIES = {
    "aeroplane": "vehicle",
    "bicycle": "vehicle",
    "bird": "animal",
    "boat": "vehicle",
    "bottle": "kitchen",
    "bus": "vehicle",
    "car": "vehicle",
    "cat": "animal",
    "chair": "furniture",
    "cow": "animal",
    "diningtable": "furniture",
    "dog": "animal",
    "horse": "animal",
    "motorbike": "vehicle",
    "person": "person",
    "pottedplant": "furniture",
    "sheep": "animal",
    "sofa": "furniture",
    "train": "vehicle",
    "tvmonitor": "electronic",
}
"""The 20 classes in the order of their ids, which count from 1, with the supercategories that COCO gives them."""

VOID = 255
SETS: tuple[tuple[Split, tuple[str, ...]], ...] = (
    ("train", ("Segmentation/trainaug.txt", "Segmentation/train.txt", "Main/train.txt")),
    ("val", ("Segmentation/val.txt", "Main/val.txt")),
)


def open_voc(source: Source) -> DataSet:
    """The VOC data set under ``source.root``; `InputError` where its layout or an annotation is broken."""
    root = _year_folder(existing_folder(source.root))
    ids = {name: number for number, name in enumerate(SUPERCATEGORIES, 1)}
    named = [(split, name) for split, choices in SETS for name in _image_names(root, choices)]
    _check_once([name for _, name in named], root)
    numbers = _image_ids([name for _, name in named])
    missing = [name for _, name in named if not (root / "Annotations" / f"{name}.xml").is_file()]
    if missing:
        raise InputError(
            f"{root / 'Annotations'} lacks the XML files of {listed(missing)}; restore them or take them off the list"
        )
    examples = [
        Example(numbers[name], split, name, _labels(root / "Annotations" / f"{name}.xml", ids),
                root / "JPEGImages" / f"{name}.jpg")
        for split, name in named
    ]  # fmt: skip
    kept = [example for example in examples if example.class_ids or example.split == "val"]
    dropped = len(examples) - len(kept)
    warnings = (f"{root}: {dropped} training images have no object and are left out",) if dropped else ()
    ordered = name_files(sorted(kept, key=lambda example: example.image_id))
    classes = tuple(ClassName(number, name, SUPERCATEGORIES[name]) for name, number in ids.items())
    return DataSet(classes, ordered, partial(load_voc, root=root), dropped, warnings)


def load_voc(example: Example, max_side: int, root: Path) -> Picture:
    """The picture of an example, with the masks of its instances where the data set has them."""
    assert example.path is not None
    photograph = read_photograph(example.path)
    objects_path, classes_path = (
        root / folder / f"{example.path.stem}.png" for folder in ("SegmentationObject", "SegmentationClass")
    )
    if not objects_path.exists():
        return to_picture(photograph, example.class_ids, [], max_side, str(example.path))
    objects, classes = _read_indices(objects_path), _read_indices(classes_path)
    instances = instance_masks(objects, classes, str(objects_path))
    size = (objects.shape[0], objects.shape[1])
    drawn = np.array([*(mask for _, mask in instances), objects == VOID])
    *masks, void = masks_upright(photograph, size, lambda height, width: drawn, str(example.path))
    triples = [(class_id, mask, 0) for (class_id, _), mask in zip(instances, masks, strict=True)]
    return to_picture(photograph, example.class_ids, triples, max_side, str(example.path), void)


def instance_masks(
    objects: UInt8[np.ndarray, "h w"], classes: UInt8[np.ndarray, "h w"], name: str
) -> list[tuple[int, np.ndarray]]:
    """Class id and mask per instance: the class that most of the object's pixels carry; ``name`` is for errors."""
    if objects.shape != classes.shape:
        raise InputError(f"{name} is {objects.shape}, its SegmentationClass file {classes.shape}; restore both files")
    found = []
    for value in np.unique(objects):
        if value in (0, VOID):
            continue
        mask = objects == value
        votes = np.bincount(classes[mask], minlength=256)
        votes[[0, VOID]] = 0
        class_id = int(votes.argmax())
        if not 1 <= class_id <= len(SUPERCATEGORIES) or not votes[class_id]:
            raise InputError(
                f"{name}: object {value} has the class value {class_id}; allowed are 1 to {len(SUPERCATEGORIES)}"
            )
        found.append((class_id, mask))
    return found


def _year_folder(root: Path) -> Path:
    """The folder that has JPEGImages: ``root`` itself, or the latest year below it."""
    places = [root, *sorted(root.glob("VOC20*"), reverse=True), *sorted(root.glob("VOCdevkit/VOC20*"), reverse=True)]
    for place in places:
        if (place / "JPEGImages").is_dir() and (place / "ImageSets").is_dir():
            return place
    raise InputError(
        f"{root} is no VOC devkit: neither it nor VOCdevkit/VOC20* in it has JPEGImages and ImageSets; set prepare.root"
    )


def _image_names(root: Path, choices: tuple[str, ...]) -> list[str]:
    """The names in the first of the image sets that exists; lines may name an image file and its mask."""
    for choice in choices:
        path = root / "ImageSets" / choice
        if path.exists():
            tokens = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
            return [inside(root, PurePosixPath(token).stem, str(path)).name for token in tokens]
    raise InputError(f"{root / 'ImageSets'} has none of {', '.join(choices)}; restore one of them")


def _check_once(names: list[str], root: Path) -> None:
    if doubled := sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
        raise InputError(
            f"{root / 'ImageSets'} lists images twice, or in both splits: {listed(doubled)}; remove one entry of each"
        )


def _image_ids(names: list[str]) -> dict[str, int]:
    """Names of digits as numbers (2007_000032: 2007000032), where all are; else counted from 1."""
    numbers = [int(name.replace("_", "")) if re.fullmatch(r"(\d{4}_)?\d{6}", name) else None for name in names]
    if None in numbers or len(set(numbers)) < len(names):
        return {name: number for number, name in enumerate(names, 1)}
    return {name: number for name, number in zip(names, numbers, strict=True) if number is not None}


def _labels(path: Path, ids: dict[str, int]) -> tuple[int, ...]:
    """The classes of the objects in an annotation file."""
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not valid XML: {error}; restore the file") from error
    names = {(entry.findtext("name") or "").strip() for entry in objects}
    if unknown := sorted(names - set(ids)):
        raise InputError(f"{path}: the object name {unknown[0]!r} is no class; choose from {', '.join(ids)}")
    return tuple(sorted(ids[name] for name in names))


def _read_indices(path: Path) -> UInt8[np.ndarray, "h w"]:
    """The palette indices of a mask file."""
    try:
        with Image.open(path) as image:
            indices = np.array(image)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; restore it") from error
    except DECODING_ERRORS as error:
        raise InputError(f"{path} is not a readable mask file: {error}; restore it") from error
    if indices.ndim != 2:
        raise InputError(f"{path} has {indices.ndim} axes; a VOC mask holds palette indices in one channel: restore it")
    return indices.astype(np.uint8)
