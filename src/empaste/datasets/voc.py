"""PASCAL VOC: a devkit, its year folder (VOC2012) as published, and what annotation tools export in its form.

Trains on ``ImageSets/Segmentation/trainaug.txt`` where that is, else on ``train.txt``, and validates on ``val.txt``;
without segmentation sets, on those of ``ImageSets/Main``; without any, on folders named after the splits that hold XML
beside images (Roboflow), or on a share drawn by seed. Image-level labels are the object names of the XML files,
difficult ones too. Masks come from SegmentationObject and SegmentationClass; void (255) belongs to no instance and is
kept apart. An image without a mask file has the boxes of its XML, whose pixels count from 1; difficult ones are ignored
as crowds are.

The classes are VOC's 20, or those of ``labelmap.txt`` (CVAT), or where the images are not VOC's own the names found.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Int

from empaste.artifacts import fields
from empaste.artifacts.fields import listed
from empaste.artifacts.image_names import without_ending
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.coco import load_annotated
from empaste.datasets.decoding import masks_upright, to_picture
from empaste.datasets.naming import (
    SPLIT_NAMES,
    ImageFiles,
    existing_folder,
    merge_spellings,
    name_files,
    same_file,
    split_called,
)
from empaste.datasets.records import ClassName, DataSet, Example, Frame, Outline, Picture, Source, Split
from empaste.datasets.splitting import drawn_splits
from empaste.errors import InputError
from empaste.images import SUFFIXES
from empaste.photographs import is_hidden, read_indices, read_photograph

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
VOID_COLOUR = (224, 224, 192)
"""What void is in masks of colours."""
SETS: tuple[tuple[Split, tuple[str, ...]], ...] = (
    ("train", ("Segmentation/trainaug.txt", "Segmentation/train.txt", "Main/train.txt")),
    ("val", ("Segmentation/val.txt", "Main/val.txt")),
)
IMAGE_FOLDERS = ("JPEGImages", "images", "data")
PUBLISHED_NAME = r"(\d{4}_)?\d{6}"


class LabelMap(NamedTuple):
    """The classes of ``labelmap.txt``, with id 1 first, and the id of every colour; 0 is the background."""

    names: tuple[str, ...]
    ids: dict[tuple[int, ...], int]


class Annotation(NamedTuple):
    """An XML file: the objects' names in order, the outlines of those that have one, still by name, and the size.

    ``incomplete`` are objects whose box lacks a side.
    """

    names: tuple[str, ...]
    outlines: tuple[tuple[str, Outline], ...]
    incomplete: tuple[str, ...]
    size_hw: tuple[int, int] | None
    file_name: str


class Place(NamedTuple):
    """An image of a set: its split, its name without ending, where its files lie, and the list that names it."""

    split: Split
    name: str
    images: ImageFiles
    annotations: Path
    origin: str


def open_voc(source: Source) -> DataSet:
    """The VOC data set under ``source.root``; `InputError` where its layout or an annotation is broken."""
    root = _year_folder(existing_folder(source.root))
    remarks: list[Remark] = []
    warnings: list[str] = []
    places = _places(root, source, warnings)
    _check_once(places, root)
    missing = [place.name for place in places if not _xml_file(place).is_file()]
    if missing:
        raise InputError(
            f"{places[0].annotations} lacks the XML files of {listed(missing)}; restore them or take them off the list"
        )
    annotations = [_annotation(_xml_file(place)) for place in places]
    label_map = _label_map(root)
    classes = _classes(root, places, annotations, label_map, warnings)
    ids = {one.name: one.class_id for one in classes}
    numbers = _image_ids([place.name for place in places])
    examples = [
        _example(place, annotation, numbers[place.name], ids, root, remarks)
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
    classes_path = example.mask_path.parents[len(PurePosixPath(example.listed_as).parts)] / "SegmentationClass"
    classes_path = classes_path / f"{example.listed_as}.png"
    objects, classes = _object_values(example.mask_path, label_map), _class_values(classes_path, label_map)
    instances = instance_masks(objects, classes, str(example.mask_path), num_classes)
    size = (objects.shape[0], objects.shape[1])
    drawn = np.array([*(mask for _, mask in instances), _void(objects, classes)])
    *masks, void = masks_upright(photograph, size, lambda height, width: drawn, name, frame)
    triples = [(class_id, mask, 0) for (class_id, _), mask in zip(instances, masks, strict=True)]
    return to_picture(photograph, example.class_ids, triples, max_side, name, void)


def instance_masks(
    objects: Int[np.ndarray, "h w"], classes: Int[np.ndarray, "h w"], name: str, num_classes: int = len(SUPERCATEGORIES)
) -> list[tuple[int, np.ndarray]]:
    """Class id and mask per instance: the class that most of the object's pixels carry; ``name`` is for errors."""
    if objects.shape != classes.shape:
        raise InputError(f"{name} is {objects.shape}, its SegmentationClass file {classes.shape}; restore both files")
    void = _void(objects, classes)
    found = []
    for value in np.unique(objects[~void]):
        if value == 0:
            continue
        mask = (objects == value) & ~void
        votes = np.bincount(classes[mask], minlength=VOID + 1)
        votes[[0, VOID]] = 0
        class_id = int(votes.argmax())
        if not 1 <= class_id <= num_classes or not votes[class_id]:
            raise InputError(f"{name}: object {value} has the class value {class_id}; allowed are 1 to {num_classes}")
        found.append((class_id, mask))
    return found


def _void(objects: Int[np.ndarray, "h w"], classes: Int[np.ndarray, "h w"]) -> np.ndarray:
    """The pixels of which nobody said what they show: 255, which in 16-bit masks of objects may be an instance."""
    return objects == VOID if objects.max(initial=0) <= VOID else (classes == VOID) & np.isin(objects, (0, VOID, 65535))


def _year_folder(root: Path) -> Path:
    """The folder that has the images: ``root`` itself, or the one year below it."""
    if _is_voc(root):
        return root
    years = [place for pattern in ("VOC20*", "VOCdevkit/VOC20*") for place in sorted(root.glob(pattern))]
    years = [place for place in years if _is_voc(place)]
    if len(years) > 1:
        there = listed([place.relative_to(root).as_posix() for place in years])
        raise InputError(f"{root} holds several years: {there}; set prepare.root to one of them")
    if not years:
        raise InputError(
            f"{root} is no VOC devkit: neither it nor VOCdevkit/VOC20* in it has JPEGImages and ImageSets, images and "
            "Annotations, or folders train and valid with XML beside images; set prepare.root"
        )
    return years[0]


def _is_voc(place: Path) -> bool:
    has_lists = (place / "ImageSets").is_dir() or (place / "Annotations").is_dir()
    return (_image_folder(place) is not None and has_lists) or bool(_split_folders(place))


def _image_folder(root: Path) -> Path | None:
    return next((root / name for name in IMAGE_FOLDERS if (root / name).is_dir()), None)


def _split_folders(root: Path) -> dict[str, list[Path]]:
    """Folders named after a split that hold XML files, by split; empty unless there are some of both."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(root.glob("*")):
        if folder.is_dir() and (split := split_called(folder.name)) and any(folder.glob("*.xml")):
            found.setdefault(split, []).append(folder)
    return found if len(found) == len(SPLIT_NAMES) else {}


def _places(root: Path, source: Source, warnings: list[str]) -> list[Place]:
    """The images of both splits, in the order of the lists that name them."""
    folder = _image_folder(root)
    if folder is None:
        return _places_beside(root)
    images, annotations = ImageFiles(folder), root / "Annotations"
    chosen = {split: _image_set(root, choices) for split, choices in SETS}
    if any(chosen.values()):
        for split, choices in SETS:
            if chosen[split] is None:
                raise InputError(f"{root / 'ImageSets'} has none of {', '.join(choices)}; restore one of them")
        return [
            Place(split, name, images, annotations, str(path))
            for split, _ in SETS
            if (path := chosen[split]) is not None
            for name in _names_in(path, images)
        ]
    names, origin = _all_names(root, images)
    splits = drawn_splits(names, source, origin, warnings)
    return [Place(splits[name], name, images, annotations, str(origin)) for name in names]


def _places_beside(root: Path) -> list[Place]:
    """The images of folders that are named after the splits and hold XML beside images."""
    places = []
    for split, _ in SETS:
        folders = _split_folders(root)[split]
        if len(folders) > 1:
            raise InputError(f"{root} has several folders of the split {split}: {listed(folders)}; keep one of them")
        images = ImageFiles(folders[0])
        places += [
            Place(split, path.stem, images, folders[0], str(folders[0]))
            for path in sorted(folders[0].glob("*.xml"))
            if not is_hidden(path.name)
        ]
    return places


def _all_names(root: Path, images: ImageFiles) -> tuple[list[str], Path]:
    """The names in the one list of images that there is, or of all XML files; and where they stand."""
    lists = [path for path in sorted((root / "ImageSets").glob("*/*.txt")) if path.stem.lower() in ("default", "all")]
    if lists:
        return list(dict.fromkeys(name for path in lists for name in _names_in(path, images))), lists[0]
    if (root / "ImageSets").is_dir() and any((root / "ImageSets").rglob("*.txt")):
        raise InputError(f"{root / 'ImageSets'} has none of {', '.join(SETS[0][1])}; restore one of them")
    folder = root / "Annotations"
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*.xml"))]
    return [path.with_suffix("").as_posix() for path in files if not any(map(is_hidden, path.parts))], folder


def _image_set(root: Path, choices: Sequence[str]) -> Path | None:
    """The first of the image sets that is there, its split called as it may be (``Main/Validation.txt``)."""
    for choice in choices:
        exact = root / "ImageSets" / choice
        if exact.is_file():
            return exact
        others = [
            path
            for path in sorted(exact.parent.glob("*.txt"))
            if split_called(path.stem) == exact.stem and not is_hidden(path.name)
        ]
        if any(not same_file(others[0], other) for other in others[1:]):
            raise InputError(f"{exact.parent} has several lists of the split {exact.stem}: {listed(others)}; keep one")
        if others:
            return others[0]
    return None


def _names_in(path: Path, images: ImageFiles) -> list[str]:
    """The names of an image set, each once; a line may name an image file and its mask, or a name and 1 or -1."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable list in UTF-8: {error}; restore it") from error
    names = [_name_in(line.strip(), images, path) for line in lines if line.strip()]
    return list(dict.fromkeys(names))


def _name_in(line: str, images: ImageFiles, path: Path) -> str:
    """The image's name in a line: all of it where there is such an image, else its first word."""
    for text in (line, line.split()[0]):
        name = _bare(text)
        if _image_files(images, name):
            return name
    if ".." in PurePosixPath(name).parts or not name or "\0" in name:
        raise InputError(f"{path}: the file name is {line!r}; it must be a path below {images.root}, without '..'")
    return name


def _bare(text: str) -> str:
    """A name without the ending of an image, the folders up to that of the images, and a slash in front."""
    plain = text.replace("\\", "/")
    for folder in IMAGE_FOLDERS:
        plain = f"/{plain}".rpartition(f"/{folder}/")[2] if f"/{folder}/" in f"/{plain}" else plain
    return without_ending(PurePosixPath(plain.lstrip("/"))).as_posix()


def _image_files(images: ImageFiles, name: str) -> list[Path]:
    """The photographs called ``name``, whatever their ending."""
    if not name or ".." in PurePosixPath(name).parts or "\0" in name:
        return []
    found = (images.below(images.root, f"{name}{suffix}") for suffix in SUFFIXES)
    return list(dict.fromkeys(path for path in found if path))


def _image_file(place: Place, annotation: Annotation) -> Path:
    """The photograph of a place: the one of its name, of several the one that the XML names."""
    found = _image_files(place.images, place.name)
    named = [path for path in found if path.name == PurePosixPath(annotation.file_name.replace("\\", "/")).name]
    if any(not same_file(found[0], other) for other in found[1:]) and len(named) != 1:
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


def _xml_file(place: Place) -> Path:
    return place.annotations / f"{place.name}.xml"


def _annotation(path: Path) -> Annotation:
    """What an XML file says."""
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is not valid XML: {error}; restore the file") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); restore the file") from error
    if root.tag != "annotation":
        raise InputError(f"{path} is XML of another kind: it holds <{root.tag}>, not <annotation>; restore the file")
    objects = root.findall("object")
    names = [fields.name(one.findtext("name"), f"{path}: the name of object {n}") for n, one in enumerate(objects, 1)]
    outlines = [
        (name, outline)
        for number, (name, one) in enumerate(zip(names, objects, strict=True), 1)
        if (outline := _outline(one, f"{path}: object {number}"))
    ]
    incomplete = tuple(
        f"{path}: object {number}"
        for number, one in enumerate(objects, 1)
        if one.find("bndbox") is not None and not all(_sides(one))
    )
    return Annotation(
        tuple(names), tuple(outlines), incomplete, _size(root, path), (root.findtext("filename") or "").strip()
    )


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    """Height and width that the XML states; None where it states none, or 0."""
    texts = [root.findtext(f"size/{side}") for side in ("height", "width")]
    if any(text is None or not text.strip() for text in texts):
        return None
    height, width = (fields.whole_number(text, f"{path}: size", 0, fields.SIDE_LIMIT) for text in texts)
    return (height, width) if height and width else None


def _outline(one: ElementTree.Element, origin: str) -> Outline | None:
    """The object's polygon (Roboflow's x1, y1, …) or its box, its class still open; None where it has neither."""
    difficult = fields.flag((one.findtext("difficult") or "0").strip() or "0", f"{origin}: difficult")
    points: list[str | None] = []
    while (x := one.findtext(f"polygon/x{len(points) // 2 + 1}")) is not None:
        points += [x, one.findtext(f"polygon/y{len(points) // 2 + 1}")]
    if len(points) >= 6:
        return Outline(0, [fields.numbers(points, f"{origin}: polygon")], difficult, origin)
    sides = _sides(one)
    if not all(sides):
        return None
    left, top, right, bottom = fields.numbers(sides, f"{origin}: bndbox")
    if right < left or bottom < top:
        raise InputError(f"{origin}: bndbox goes from {left:g}, {top:g} to {right:g}, {bottom:g}; correct it")
    # VOC counts pixels from 1 and takes the last one in.
    return Outline(0, None, difficult, origin, (left - 1, top - 1, right - left + 1, bottom - top + 1))


def _sides(one: ElementTree.Element) -> list[str]:
    """xmin, ymin, xmax and ymax as they stand; empty where one is missing."""
    return [(one.findtext(f"bndbox/{side}") or "").strip() for side in ("xmin", "ymin", "xmax", "ymax")]


def _example(
    place: Place, annotation: Annotation, number: int, ids: dict[str, int], root: Path, remarks: list[Remark]
) -> Example:
    masks = root / "SegmentationObject" / f"{place.name}.png"
    class_ids = tuple(sorted({ids[name] for name in annotation.names}))
    example = Example(number, place.split, place.name, class_ids, _image_file(place, annotation), listed_as=place.name)
    if masks.is_file():
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
            f"{_xml_file(place)}: the object name {name!r} is no class; choose from {', '.join(known)}{further}"
        )
    if unknown:
        found = sorted({name for annotation in annotations for name in annotation.names})
        warnings.append(f"{root} has objects that VOC has not; its classes are the {len(found)} names found")
        known = tuple(found)
    return tuple(ClassName(number, name, SUPERCATEGORIES.get(name, "object")) for number, name in enumerate(known, 1))


def _label_map(root: Path) -> LabelMap | None:
    """The classes and colours of ``labelmap.txt`` (name:r,g,b:parts:actions); None where there is none."""
    path = root / "labelmap.txt"
    if not path.is_file():
        return None
    names: list[str] = []
    ids: dict[tuple[int, ...], int] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not readable text in UTF-8: {error}; restore it") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{path}, line {number}"
        raw, _, rest = line.partition(":")
        name, colour = fields.name(raw, f"{place}: the name"), rest.partition(":")[0].strip()
        is_background = name.lower() == "background"
        if name in names:
            raise InputError(f"{place}: the class {name!r} stands there already; remove one of the lines")
        names += [] if is_background else [name]
        if colour:
            sides = fields.numbers(colour.split(","), f"{place}: the colour", 3)
            ids[tuple(int(side) for side in sides)] = 0 if is_background else len(names)
    return LabelMap(tuple(names), ids)


def _object_values(path: Path, label_map: LabelMap | None) -> Int[np.ndarray, "h w"]:
    """A number per pixel of a mask of objects; colours are numbered as they come, black 0, void's colour 255."""
    values = _mask_values(path, label_map)
    if values.ndim == 2:
        return values
    packed = _packed(values)
    colours, places = np.unique(packed, return_inverse=True)
    numbers = np.arange(256, 256 + len(colours))
    numbers[colours == 0] = 0
    numbers[colours == _packed(np.array(VOID_COLOUR))] = VOID
    return numbers[places].reshape(packed.shape)


def _class_values(path: Path, label_map: LabelMap | None) -> Int[np.ndarray, "h w"]:
    """The class per pixel of a mask of classes; colours are those of ``label_map``."""
    values = _mask_values(path, label_map)
    if values.ndim == 2:
        return values
    packed = _packed(values)
    found = np.full(packed.shape, -1)
    for colour, class_id in ((label_map.ids if label_map else {}) | {VOID_COLOUR: VOID}).items():
        found[packed == _packed(np.array(colour))] = class_id
    if (found < 0).any():
        colour = values[found < 0][0].tolist()
        raise InputError(f"{path} has the colour {colour}, which labelmap.txt does not name; add it there")
    return found


def _packed(values: np.ndarray) -> np.ndarray:
    """Colours (…, 3) as one number each."""
    return values.astype(int) @ np.array([65536, 256, 1])


def _mask_values(path: Path, label_map: LabelMap | None) -> np.ndarray:
    """The indices in a mask file (h, w), or where ``label_map`` names colours its colours (h, w, 3)."""
    values = read_indices(path)
    if values.ndim != 2 and not (values.shape[2:] == (3,) and label_map and label_map.ids):
        raise InputError(
            f"{path} has {values.ndim} axes; a VOC mask holds palette indices in one channel, and one of colours needs "
            "labelmap.txt: restore it"
        )
    if values.dtype.kind not in "biu" or values.min(initial=0) < 0:
        raise InputError(f"{path} holds {values.dtype} values; a VOC mask holds palette indices: restore it")
    return values.astype(int)
