"""COCO detection data sets as plain dicts, so that any COCO tool opens what we write."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.masks import RLE, decode_mask, mask_box_xywh

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
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    missing = [key for key in ("images", "annotations", "categories") if not isinstance(data, dict) or key not in data]
    if missing:
        raise InputError(f"{path} is no COCO detection data set: it lacks {', '.join(missing)}")
    return data


def instance(annotation_id: int, image_id: int, class_id: int, rle: RLE, **extra: Any) -> dict[str, Any]:
    """One annotation whose box and area are those of its mask; ``extra`` keys are kept (COCO tools ignore them)."""
    mask = decode_mask(rle)
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": class_id,
        "segmentation": rle,
        "area": int(np.count_nonzero(mask)),
        "bbox": list(mask_box_xywh(mask)),
        "iscrowd": 0,
        **extra,
    }


def coco_dataset(
    images: pd.DataFrame,
    classes: pd.DataFrame,
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
