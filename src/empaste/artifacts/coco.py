"""COCO detection data sets of this project: written so that any COCO tool opens them, and read back."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import numpy as np

from empaste.artifacts.coco_records import TABLES, Annotation, Category, Coco, ImageRecord
from empaste.artifacts.fields import shown
from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.masks import encode_mask, rle_area_box_xywh
from empaste.rle import RLE, first_unsound

if TYPE_CHECKING:  # worker processes import this module, and none touches a table
    import pandas as pd

COMMAND = "dvc repro (or dvc pull)"
KINDS = {"images": ImageRecord, "annotations": Annotation, "categories": Category}
ALLOWED: dict[object, tuple[str, tuple[type, ...]]] = {
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("text", (str,)),
}
"""What a value must be, in words and in Python's types, by the type that a record declares; others are not checked."""


def write_coco(path: Path, data: Coco) -> None:
    """``path`` holds ``data`` as compact JSON."""
    write_whole(path, json.dumps(data, separators=(",", ":"), allow_nan=False).encode())


def read_coco(path: Path) -> Coco:
    """The data set at ``path`` with at least the lists images, annotations and categories; else `InputError`."""
    data = read_own_json(path, COMMAND)
    missing = [key for key in TABLES if not isinstance(data, dict) or key not in data]
    if missing:
        raise InputError(f"{path} is no COCO detection data set: it lacks {', '.join(missing)}")
    for key in TABLES:
        if not isinstance(data[key], list) or not all(isinstance(row, dict) for row in data[key]):
            raise InputError(f"{path}: {key} is no list of objects; run: {COMMAND}")
    coco = cast(Coco, data)
    _check_masks(coco, path)
    for table, kind in KINDS.items():
        _check_records(data[table], kind, f"{path}: {table}")
    return coco


def _check_records(rows: Sequence[Mapping[str, object]], kind: Any, place: str) -> None:
    """`InputError` where a row lacks a key that ``kind`` requires, or has a number or a text of another type."""
    declared = {key: declared for key, declared in get_type_hints(kind).items() if key in kind.__required_keys__}
    allowed = {key: ALLOWED[one] for key, one in declared.items() if one in ALLOWED}
    for number, row in enumerate(rows):
        if not row.keys() >= declared.keys():
            lacking = ", ".join(sorted(declared.keys() - row.keys()))
            raise InputError(f"{place}[{number}] lacks {lacking}; run: {COMMAND}")
        for key, (words, types) in allowed.items():
            if type(row[key]) not in types:
                raise InputError(f"{place}[{number}].{key} is {shown(row[key])}; it must be {words}; run: {COMMAND}")


def _check_masks(data: Coco, path: Path) -> None:
    """`InputError` where a mask is no RLE whose runs fill its size: what decodes them later does not look."""
    masks: dict[str, object] = {
        f"annotations[{number}]": row.get("segmentation") for number, row in enumerate(data["annotations"])
    }
    masks |= {f"images[{number}]": row["void"] for number, row in enumerate(data["images"]) if "void" in row}
    wrong = first_unsound(list(masks.values()))
    if wrong is not None:
        place, mask = list(masks.items())[wrong]
        what = "is a polygon" if isinstance(mask, list) else "has no such mask"
        raise InputError(
            f"{path}: {place} {what}; allowed is an RLE whose counts, as text, fill its size; run: {COMMAND}"
        )


def instance(
    annotation_id: int,
    image_id: int,
    class_id: int,
    rle: RLE,
    *,
    iscrowd: int = 0,
    score: float | None = None,
    source: str | None = None,
) -> Annotation:
    """One annotation whose box and area are those of its mask; without ``score`` and ``source`` where they are None."""
    area, box_xywh = rle_area_box_xywh(rle)
    found: Annotation = {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": class_id,
        "segmentation": rle,
        "area": area,
        "bbox": list(box_xywh),
        "iscrowd": iscrowd,
    }
    if score is not None:
        found["score"] = score
    if source is not None:
        found["source"] = source
    return found


def box_instance(
    annotation_id: int, image_id: int, class_id: int, box_xywh: Sequence[float], size_hw: tuple[int, int], iscrowd: int
) -> Annotation:
    """One annotation that the data set has a box of, in pixels inside its image, and no mask (``box_only``).

    Its segmentation covers the pixels that the box touches: in it nobody knows a mask, see `artifacts.truth`.
    """
    height, width = size_hw
    x, y, box_width, box_height = box_xywh
    region = np.zeros((height, width), bool)
    region[math.floor(y) : math.ceil(y + box_height), math.floor(x) : math.ceil(x + box_width)] = True
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": class_id,
        "segmentation": encode_mask(region),
        "area": round(box_width * box_height, 2),
        "bbox": [round(side, 2) for side in box_xywh],
        "iscrowd": iscrowd,
        "box_only": 1,
    }


def coco_dataset(
    images: "pd.DataFrame",
    classes: "pd.DataFrame",
    annotations: list[Annotation],
    note: str,
    void: Mapping[int, RLE] = MappingProxyType({}),
) -> Coco:
    """The data set of ``images`` (columns of `schemas.prepare.Images`) and ``classes`` (of `schemas.prepare.Classes`).

    Pixels of which nobody said what they show stand under ``void`` with their images; COCO tools ignore them.
    """
    image_rows = images[["image_id", "file_name", "height", "width"]].rename(columns={"image_id": "id"})
    rows = cast(list[ImageRecord], image_rows.to_dict("records"))
    for row in rows:
        if row["id"] in void:
            row["void"] = void[row["id"]]
    class_rows = classes[["class_id", "name", "supercategory"]].rename(columns={"class_id": "id"})
    return {
        "info": {"description": note},
        "images": rows,
        "annotations": annotations,
        "categories": cast(list[Category], class_rows.to_dict("records")),
    }
