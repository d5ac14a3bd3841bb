"""PASCAL VOC: a devkit, its year folder (VOC2012) as published, and what annotation tools export in its form.

Trains on ``ImageSets/Segmentation/trainaug.txt`` where that is, else on ``train.txt``, and validates on ``val.txt``;
without segmentation sets, on those of ``ImageSets/Main``; without any, on folders named after the splits that hold XML
beside images (Roboflow), or on a share drawn by seed. Image-level labels are the object names of the XML files,
difficult ones too. Masks come from SegmentationObject and SegmentationClass; void (255) belongs to no instance and is
kept apart. An image that has none there has SBD's, where its folder is in the devkit or beside it (`sbd`). One without
any has the boxes of its XML, whose pixels count from 1; difficult ones are ignored as crowds are.

The classes are VOC's 20, or those of ``labelmap.txt`` (CVAT), or where the images are not VOC's own the names found.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from empaste.artifacts.fields import listed
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.coco import load_annotated
from empaste.datasets.decoding import masks_upright, to_picture
from empaste.datasets.naming import (
    differ,
    existing_folder,
    is_file,
    merge_spellings,
    name_files,
)
from empaste.datasets.records import ClassName, DataSet, Example, Frame, Picture
from empaste.datasets.sbd import SUFFIX, instance_folder, read_sbd
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.voc_annotations import Annotation, read_annotation
from empaste.datasets.voc_layout import Place, image_files, list_places, xml_file, year_folder
from empaste.datasets.voc_masks import (
    LabelMap,
    class_values,
    instance_masks,
    object_values,
    read_label_map,
    void_pixels,
)
from empaste.errors import InputError
from empaste.photographs import read_photograph

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
PUBLISHED_NAME = r"(\d{4}_)?\d{6}"


def open_voc(settings: PrepareSettings) -> DataSet:
    """The VOC data set under ``settings.root``; `InputError` where its layout or an annotation is broken."""
    root = year_folder(existing_folder(settings.folder))
    remarks: list[Remark] = []
    warnings: list[str] = []
    places = list_places(root, settings, warnings)
    _check_once(places, root)
    missing = [place.name for place in places if not is_file(xml_file(place))]
    if missing:
        raise InputError(
            f"{places[0].annotations} lacks the XML files of {listed(missing)}; restore them or take them off the list"
        )
    annotations = [read_annotation(xml_file(place)) for place in places]
    label_map = read_label_map(root)
    folders = [root / "SegmentationObject", None if label_map else instance_folder(root)]
    classes = _classes(root, places, annotations, label_map, warnings)
    ids = {one.name: one.class_id for one in classes}
    numbers = _image_ids([place.name for place in places])
    examples = [
        _example(place, annotation, numbers[place.name], ids, _mask_file(place, folders), remarks)
        for place, annotation in zip(places, annotations, strict=True)
    ]
    kept = [example for example in examples if example.class_ids or example.split == "val"]
    if dropped := len(examples) - len(kept):
        warnings.append(f"{root}: {dropped} training images have no object and are left out")
    ordered = name_files(merge_spellings(sorted(kept, key=lambda example: example.image_id), remarks))
    load = partial(load_voc, num_classes=len(classes), label_map=label_map)
    return DataSet(classes, ordered, load, dropped, (*warnings, *summarise(remarks)))


def load_voc(
    example: Example, max_side: int, num_classes: int, label_map: LabelMap | None, frame: Frame = "upright"
) -> Picture:
    """The picture of an example, with the masks of its instances where the data set has them, else its boxes."""
    assert example.path is not None
    if example.mask_path is None:
        return load_annotated(example, max_side, frame)
    photograph, name = read_photograph(example.path), str(example.path)
    objects, classes = _mask_values(example.mask_path, example.listed_as, label_map)
    instances = instance_masks(objects, classes, str(example.mask_path), num_classes)
    size = (objects.shape[0], objects.shape[1])
    drawn = np.array([*(mask for _, mask in instances), void_pixels(objects, classes)])
    *masks, void = masks_upright(photograph, size, lambda height, width: drawn, name, frame)
    triples = [(class_id, mask, 0) for (class_id, _), mask in zip(instances, masks, strict=True)]
    reason = "masks show an object of a class that the XML file does not name"
    remarks = [Remark(reason, name) for class_id, _ in instances if class_id not in example.class_ids]
    return to_picture(photograph, example.class_ids, triples, max_side, name, void, (), remarks)


def _mask_values(path: Path, name: str, label_map: LabelMap | None) -> tuple[np.ndarray, np.ndarray]:
    """The number of an object, and a class, per pixel: of SBD's file at ``path``, or of VOC's and the one beside it."""
    if path.suffix == SUFFIX:
        return read_sbd(path)
    classes = path.parents[len(PurePosixPath(name).parts)] / "SegmentationClass" / f"{name}.png"
    return object_values(path, label_map), class_values(classes, label_map)


def _image_file(place: Place, annotation: Annotation) -> Path:
    """The photograph of a place: the one of its name, of several the one that the XML names."""
    found = image_files(place.images, place.name)
    named = [path for path in found if path.name == PurePosixPath(annotation.file_name.replace("\\", "/")).name]
    if differ(found) and len(named) != 1:
        raise InputError(
            f"{place.origin} lists {place.name}, which could be {listed([path.name for path in found])}; remove the "
            "others, or name one of them in the XML file"
        )
    return (named or found or [place.images.root / f"{place.name}.jpg"])[0]


def _check_once(places: Sequence[Place], root: Path) -> None:
    counts = Counter(place.name for place in places)
    if doubled := sorted(name for name, count in counts.items() if count > 1):
        raise InputError(f"{root} lists images twice, or in both splits: {listed(doubled)}; remove one entry of each")


def _image_ids(names: Sequence[str]) -> dict[str, int]:
    """Names of digits as numbers (2007_000032: 2007000032), where all are; else counted from 1."""
    numbers = [int(name.replace("_", "")) if re.fullmatch(PUBLISHED_NAME, name, re.ASCII) else None for name in names]
    if None in numbers or len(set(numbers)) < len(names):
        return {name: number for number, name in enumerate(names, 1)}
    return {name: number for name, number in zip(names, numbers, strict=True) if number is not None}


def _mask_file(place: Place, folders: Sequence[Path | None]) -> Path | None:
    """The file of an image's masks: VOC's in the first of ``folders``, else SBD's in the second; None without."""
    endings = zip(folders, (".png", SUFFIX), strict=True)
    files = (folder / f"{place.name}{ending}" for folder, ending in endings if folder)
    return next((path for path in files if is_file(path)), None)


def _example(
    place: Place, annotation: Annotation, number: int, ids: dict[str, int], masks: Path | None, remarks: list[Remark]
) -> Example:
    class_ids = tuple(sorted({ids[name] for name in annotation.names}))
    example = Example(number, place.split, place.name, class_ids, _image_file(place, annotation), listed_as=place.name)
    if masks:
        return replace(example, mask_path=masks)
    remarks += [Remark("objects have no whole box, and are labels alone", one) for one in annotation.incomplete]
    outlines = tuple(replace(one, class_id=ids[name]) for name, one in annotation.outlines)
    return replace(example, size_hw=annotation.size_hw, outlines=outlines)


def _classes(
    root: Path,
    places: Sequence[Place],
    annotations: Iterable[Annotation],
    label_map: LabelMap | None,
    warnings: list[str],
) -> tuple[ClassName, ...]:
    """The classes: those of labelmap.txt, else VOC's, else where the images are not VOC's own the names found."""
    known = label_map.names if label_map else tuple(SUPERCATEGORIES)
    unknown = {
        name: place for place, annotation in zip(places, annotations, strict=True) for name in annotation.names
        if name not in known
    }  # fmt: skip
    are_published = all(re.fullmatch(PUBLISHED_NAME, place.name, re.ASCII) for place in places)
    if unknown and (label_map or are_published or (root / "SegmentationClass").is_dir()):
        name, place = next(iter(unknown.items()))
        further = "" if label_map else "; classes of your own stand in labelmap.txt, a line each: name:r,g,b::"
        raise InputError(
            f"{xml_file(place)}: the object name {name!r} is no class; choose from {', '.join(known)}{further}"
        )
    if unknown:
        found = sorted({name for annotation in annotations for name in annotation.names})
        warnings.append(f"{root} has objects that VOC has not; its classes are the {len(found)} names found")
        known = tuple(found)
    return tuple(ClassName(number, name, SUPERCATEGORIES.get(name, "object")) for number, name in enumerate(known, 1))
