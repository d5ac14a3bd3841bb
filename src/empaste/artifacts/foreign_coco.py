"""COCO detection data sets that other programs wrote: the one reader of such files.

Every field is checked for type and meaning (`artifacts.fields`). What has a harmless meaning is read and remarked upon;
what cannot be understood is refused with the file, the table and the row.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from empaste.artifacts import fields
from empaste.artifacts.coco_records import TABLES, Annotation, Category, ImageRecord
from empaste.artifacts.fields import listed, shown
from empaste.artifacts.json_files import read_json
from empaste.artifacts.remarks import Remark
from empaste.errors import InputError

EXPECTED = "a COCO detection file (instances_*.json)"
KEYS = {
    "images": ImageRecord.__required_keys__,
    "annotations": Annotation.__required_keys__ - {"area"} | {"score"},
    "categories": frozenset(Category.__annotations__),
}
"""What is read of a row of each table; other keys are nobody's business, unless they are one of these misspelt."""
ROOT_CATEGORIES = ("_background_", "__ignore__")
"""What labelme calls no class."""


@dataclass(frozen=True)
class ListedImage:
    """An image as a file lists it; ``size_hw`` is None where no size is stated, ``file_name`` "" where there need be
    none.
    """

    image_id: int
    file_name: str
    size_hw: tuple[int, int] | None


@dataclass(frozen=True)
class ListedCategory:
    """A category, its name cleaned (`fields.name`)."""

    category_id: int
    name: str
    supercategory: str


@dataclass(frozen=True)
class ListedInstance:
    """An annotation. ``segmentation``: polygons ``[[x, y, x, y, …], …]`` of finite numbers, an RLE still unchecked, or
    None where it has a box alone (or nothing); ``origin`` is what an error calls it, ``annotation_id`` its id, a number
    where it is one, None where it has none.
    """

    image_id: int
    category_id: int
    segmentation: list[list[float]] | dict[str, Any] | None
    box_xywh: tuple[float, float, float, float] | None
    iscrowd: int
    score: float | None
    origin: str
    annotation_id: int | str | None = None


@dataclass(frozen=True)
class ForeignCoco:
    """The content of a file, and what was read otherwise than it stands there."""

    path: Path
    images: tuple[ListedImage, ...]
    categories: tuple[ListedCategory, ...]
    instances: tuple[ListedInstance, ...]
    remarks: tuple[Remark, ...]

    def instances_by_image(self) -> dict[int, list[ListedInstance]]:
        """The instances per image id, in order; images without any are left out."""
        found: dict[int, list[ListedInstance]] = {}
        for one in self.instances:
            found.setdefault(one.image_id, []).append(one)
        return found


def read_foreign_coco(path: Path, called: str | None = None, *, needs_names: bool = True) -> ForeignCoco:
    """The COCO file at ``path``; ``called`` is what errors call it, its path where that is None.

    Ids are whole numbers, given once, and refer to what the file has; images have file names where ``needs_names``.
    `InputError` otherwise.
    """
    called = called or str(path)
    return check_foreign_coco(read_json(path, called), path, called, needs_names=needs_names)


def check_foreign_coco(content: Any, path: Path, called: str | None = None, *, needs_names: bool = True) -> ForeignCoco:
    """The ``content`` of the JSON file at ``path``, which otherwise is as for `read_foreign_coco`."""
    called = called or str(path)
    images, annotations, categories = (fields.rows(content, key, called, EXPECTED) for key in TABLES)
    for table, rows in zip(TABLES, (images, annotations, categories), strict=True):
        _check_spelling(rows, table, called)
    remarks: list[Remark] = []
    listed_images = tuple(_image(row, f"{called}: images[{number}]", needs_names) for number, row in enumerate(images))
    fields.require_unique((one.image_id for one in listed_images), "images", called)
    instances = [_instance(row, number, called, remarks) for number, row in enumerate(annotations)]
    _require_unique_annotations(annotations, called)
    kept, renamed = _categories(categories, {one.category_id for one in instances}, called, remarks)
    instances = [
        replace(one, category_id=renamed[one.category_id]) if one.category_id in renamed else one for one in instances
    ]
    _check_references("image_id", instances, "images", {one.image_id for one in listed_images}, called)
    _check_references("category_id", instances, "categories", {one.category_id for one in kept}, called)
    return ForeignCoco(path, listed_images, kept, tuple(instances), tuple(remarks))


def is_coco_file(path: Path) -> bool:
    """Whether the JSON file at ``path`` has the three lists of a COCO detection file."""
    try:
        content = read_json(path, str(path))
    except InputError:
        return False
    return has_tables(content)


def has_tables(content: Any) -> bool:
    """Whether the ``content`` of a JSON file has the three lists of a COCO detection file."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in TABLES)


def check_polygons(value: Any, place: str) -> list[list[float]]:
    """A segmentation's polygons as lists of numbers; one polygon may stand without its outer list, or as points."""
    polygons = value if any(isinstance(one, list | dict) for one in value) else [value]
    return [_polygon(one, place) for one in polygons if one != []]


def _check_spelling(rows: Sequence[dict[str, Any]], table: str, called: str) -> None:
    """`InputError` where a key is one that is read but for its case or marks: ``isCrowd`` would be dropped."""
    plain = {re.sub(r"[^a-z]", "", key): key for key in KEYS[table]}
    seen = set(KEYS[table])
    for number, row in enumerate(rows):
        for key in row.keys() - seen:
            meant = plain.get(re.sub(r"[^a-z]", "", key.lower()))
            if meant is None:
                seen.add(key)
            elif meant not in row:
                raise InputError(f"{called}: {table}[{number}] has the key {shown(key)}; rename it to {meant}")


def _polygon(value: Any, place: str) -> list[float]:
    flat = [side for point in value for side in point] if _is_points(value) else value
    try:
        numbers = fields.numbers(flat, place)
    except InputError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2:
        raise InputError(
            f"{place}: a polygon is {shown(value)}; it needs at least 3 points, as numbers x, y, x, y, …: "
            "correct or remove this annotation"
        )
    return numbers


def _is_points(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(point, list) and len(point) == 2 for point in value)


def _image(row: dict[str, Any], place: str, needs_name: bool) -> ListedImage:
    image_id = fields.whole_number(row.get("id"), f"{place}.id")
    nameless = not needs_name and row.get("file_name") is None
    file_name = "" if nameless else fields.text(row.get("file_name"), f"{place}.file_name")
    return ListedImage(image_id, file_name, _size(row, place))


def _size(row: dict[str, Any], place: str) -> tuple[int, int] | None:
    """Height and width that an image row states; None where it states none, or 0."""
    stated = [row.get(side) for side in ("height", "width")]
    if all(side is None for side in stated):
        return None
    height, width = (
        fields.whole_number(side, f"{place}.{key}", 0, fields.SIDE_LIMIT)
        for side, key in zip(stated, ("height", "width"), strict=True)
    )
    if (height == 0) != (width == 0):
        raise InputError(f"{place} is {width} × {height} pixels (width × height); state both sides, or neither")
    return (height, width) if height else None


def _categories(
    rows: Sequence[dict[str, Any]], used: set[int], called: str, remarks: list[Remark]
) -> tuple[tuple[ListedCategory, ...], dict[int, int]]:
    """The categories, and per id that was joined with another's that other's id."""
    found, spellings = [], {}
    for number, row in enumerate(rows):
        place = f"{called}: categories[{number}]"
        category_id = fields.whole_number(row.get("id"), f"{place}.id")
        name = fields.name(row.get("name"), f"{place}.name")
        spellings[category_id] = raw = str(row["name"])
        if unicodedata.normalize("NFC", raw) != raw:
            remarks.append(Remark("names of categories are read in Unicode's composed form", name))
        above = row.get("supercategory")
        supercategory = "object" if above in (None, "") else fields.name(above, f"{place}.supercategory")
        found.append(ListedCategory(category_id, name, supercategory))
    fields.require_unique((one.category_id for one in found), "categories", called)
    roots = [one for one in found if one.category_id not in used and _is_root(one, found)]
    remarks += [Remark("categories that stand for no class, never used, are left out", one.name) for one in roots]
    kept = [one for one in found if one not in roots]
    return _joined(kept, spellings, called, remarks)


def _is_root(one: ListedCategory, everything: Sequence[ListedCategory]) -> bool:
    """Whether a category is what a program puts above the classes: Roboflow's first one, labelme's background."""
    others = [other for other in everything if other is not one]
    is_above = one.supercategory == "none" and any(other.supercategory == one.name for other in others)
    return bool(others) and (is_above or one.name in ROOT_CATEGORIES)


def _joined(
    categories: Sequence[ListedCategory], spellings: dict[int, str], called: str, remarks: list[Remark]
) -> tuple[tuple[ListedCategory, ...], dict[int, int]]:
    """Categories whose names differ in their Unicode form alone are one, under the first id."""
    by_name: dict[str, ListedCategory] = {}
    renamed: dict[int, int] = {}
    doubled = []
    for one in categories:
        first = by_name.setdefault(one.name, one)
        if first is one:
            continue
        if spellings[first.category_id] == spellings[one.category_id]:
            doubled.append(one.name)
        else:
            renamed[one.category_id] = first.category_id
            remarks.append(Remark("names that are written in two forms of Unicode, or with other blanks, are one class",
                                  f"{one.name} (categories {first.category_id} and {one.category_id})"))  # fmt: skip
    if doubled:
        raise InputError(
            f"{called}: categories {listed(sorted(set(doubled)))} stand under several ids; every name needs one id"
        )
    return tuple(by_name.values()), renamed


def _instance(row: dict[str, Any], number: int, called: str, remarks: list[Remark]) -> ListedInstance:
    place = f"{called}: annotations[{number}]"
    annotation_id = _annotation_id(row.get("id"), place)
    origin = place if annotation_id is None else f"{called}: annotation {annotation_id}"
    return ListedInstance(
        fields.whole_number(row.get("image_id"), f"{place}.image_id"),
        fields.whole_number(row.get("category_id"), f"{place}.category_id"),
        _segmentation(row.get("segmentation"), origin),
        _box(row.get("bbox"), f"{origin}: bbox", origin, remarks),
        fields.flag(row.get("iscrowd"), f"{origin}: iscrowd"),
        None if row.get("score") is None else fields.score(row["score"], f"{origin}: score"),
        origin,
        annotation_id,
    )


def _annotation_id(value: Any, place: str) -> int | str | None:
    """An annotation's id, which may be any text, or missing: nothing refers to it."""
    try:
        return fields.whole_number(value, place)
    except InputError:
        return value if isinstance(value, str) else None


def _segmentation(value: Any, origin: str) -> list[list[float]] | dict[str, Any] | None:
    """The segmentation in one of COCO's forms; None where there is none."""
    if value in (None, [], {}, "", [[]]):
        return None
    if isinstance(value, list):
        return check_polygons(value, origin) or None
    if isinstance(value, dict) and {"size", "counts"} <= value.keys():
        return value
    raise InputError(
        f"{origin}: segmentation is {shown(value)}; allowed are a list of polygons or an RLE with size and counts"
    )


def _box(value: Any, place: str, origin: str, remarks: list[Remark]) -> tuple[float, float, float, float] | None:
    """x, y, width, height; None where there is none, or one without area."""
    if value in (None, []):
        return None
    x, y, width, height = fields.numbers(value, place, 4)
    if width < 0 or height < 0:
        raise InputError(f"{place} is {shown(value)}; width and height (its last two numbers) are not negative")
    if not width or not height:
        remarks.append(Remark("boxes without area are left out", origin))
        return None
    return x, y, width, height


def _require_unique_annotations(annotations: Iterable[dict[str, Any]], called: str) -> None:
    """`InputError` where an annotation's id stands twice; ids may be missing, as nothing refers to them."""
    counts = Counter(str(row["id"]) for row in annotations if row.get("id") is not None)
    if doubled := [one for one, count in counts.items() if count > 1]:
        raise InputError(f"{called}: annotations has the id {doubled[0]} twice; ids must be unique")


def _check_references(key: str, instances: Sequence[ListedInstance], table: str, ids: set[int], called: str) -> None:
    dangling = [one for one in instances if getattr(one, key) not in ids]
    if dangling:
        rows = listed([f"{one.origin.removeprefix(f'{called}: ')} ({key} {getattr(one, key)})" for one in dangling])
        raise InputError(
            f"{called}: {rows}: no such entry in {table}, which has {len(ids)}; "
            f"correct {key} or remove these annotations"
        )
