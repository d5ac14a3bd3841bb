"""COCO detection data sets as plain dicts, so that any COCO tool opens what we write."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.masks import encode_mask, rle_area_box_xywh
from empaste.rle import RLE, first_unsound

if TYPE_CHECKING:  # worker processes import this module, and none touches a table
    import pandas as pd

Coco = dict[str, Any]


def write_coco(path: Path, data: Coco) -> None:
    """``path`` holds ``data`` as compact JSON."""
    write_whole(path, json.dumps(data, separators=(",", ":"), allow_nan=False).encode())


def read_coco(path: Path) -> Coco:
    """The data set at ``path`` with at least the lists images, annotations and categories; else `InputError`."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro (or dvc pull)") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); run: dvc repro (or dvc pull)") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}; run: dvc repro (or dvc pull)") from error
    missing = [key for key in ("images", "annotations", "categories") if not isinstance(data, dict) or key not in data]
    if missing:
        raise InputError(f"{path} is no COCO detection data set: it lacks {', '.join(missing)}")
    for key in ("images", "annotations", "categories"):
        if not isinstance(data[key], list) or not all(isinstance(row, dict) for row in data[key]):
            raise InputError(f"{path}: {key} is no list of objects; run: dvc repro (or dvc pull)")
    _check_masks(data, path)
    return data


def _check_masks(data: Coco, path: Path) -> None:
    """`InputError` where a mask is no RLE whose runs fill its size: what decodes them later does not look."""
    masks = {f"annotations[{number}]": row.get("segmentation") for number, row in enumerate(data["annotations"])}
    masks |= {f"images[{number}]": row["void"] for number, row in enumerate(data["images"]) if "void" in row}
    wrong = first_unsound(list(masks.values()))
    if wrong is not None:
        place, mask = list(masks.items())[wrong]
        what = "is a polygon" if isinstance(mask, list) else "has no such mask"
        raise InputError(
            f"{path}: {place} {what}; allowed is an RLE whose counts, as text, fill its size; run: dvc repro "
            "(or dvc pull)"
        )


def instance(annotation_id: int, image_id: int, class_id: int, rle: RLE, **extra: Any) -> dict[str, Any]:
    """One annotation whose box and area are those of its mask; ``extra`` keys are kept (COCO tools ignore them)."""
    area, box_xywh = rle_area_box_xywh(rle)
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": class_id,
        "segmentation": rle,
        "area": area,
        "bbox": list(box_xywh),
        "iscrowd": 0,
        **extra,
    }


def box_instance(
    annotation_id: int, image_id: int, class_id: int, box_xywh: Sequence[float], size_hw: tuple[int, int], iscrowd: int
) -> dict[str, Any]:
    """One annotation that the data set has a box of, in pixels inside its image, and no mask (``box_only``).

    Its segmentation covers the pixels that the box touches: in it nobody knows a mask, see `mask_truth`.
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


def is_ignored_region(annotation: Mapping[str, Any]) -> bool:
    """Whether masks in it are neither to be found nor a mistake: a crowd, or an instance with a box alone."""
    return bool(annotation.get("iscrowd", 0)) or bool(annotation.get("box_only", 0))


def mask_truth(data: Coco) -> Coco:
    """``data`` as masks are measured with it: instances that have a box alone are ignored regions, as crowds are."""
    annotations = [
        {**row, "iscrowd": 1} if row.get("box_only") and not row.get("iscrowd") else row for row in data["annotations"]
    ]
    return {**data, "annotations": annotations}


def coco_dataset(
    images: "pd.DataFrame",
    classes: "pd.DataFrame",
    annotations: list[dict[str, Any]],
    note: str,
    void: Mapping[int, RLE] = MappingProxyType({}),
) -> Coco:
    """The data set of ``images`` (columns of `schemas.Images`) and ``classes`` (of `schemas.Classes`).

    Pixels of which nobody said what they show stand under ``void`` with their images; COCO tools ignore them.
    """
    image_rows = images[["image_id", "file_name", "height", "width"]].rename(columns={"image_id": "id"})
    rows = [row | ({"void": void[row["id"]]} if row["id"] in void else {}) for row in image_rows.to_dict("records")]
    class_rows = classes[["class_id", "name", "supercategory"]].rename(columns={"class_id": "id"})
    return {
        "info": {"description": note},
        "images": rows,
        "annotations": annotations,
        "categories": class_rows.to_dict("records"),
    }
