"""LVIS v1: COCO's records with what LVIS adds; masks are RLE, which its own API reads.

Gupta et al. 2019; https://www.lvisdataset.org/dataset. No image says which classes are absent from it or not annotated
exhaustively, since nobody looked for that.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from empaste.artifacts.coco_records import Coco
from empaste.artifacts.outputs import write_whole
from empaste.exporting.annotated import AnnotatedSet
from empaste.exporting.coco import as_coco
from empaste.exporting.format import Format

RARE, COMMON = 10, 100
"""Classes of at most so many images are rare, and common; all others are frequent."""
OWN = ("id", "image_id", "category_id", "segmentation", "area", "bbox")
"""What LVIS has of an annotation of COCO's."""


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``lvis.json``."""
    write_whole(folder / "lvis.json", json.dumps(_as_lvis(as_coco(data)), separators=(",", ":")).encode())


def _as_lvis(coco: Coco) -> dict[str, Any]:
    images: dict[int, list[int]] = {row["id"]: [] for row in coco["categories"]}
    for annotation in coco["annotations"]:
        images[annotation["category_id"]].append(annotation["image_id"])
    unknown: dict[str, list[int]] = {"neg_category_ids": [], "not_exhaustive_category_ids": []}
    return {
        "info": coco["info"],
        "licenses": [],
        "images": [{**row, "coco_url": "", **unknown} for row in coco["images"]],
        "annotations": [{key: row[key] for key in OWN} for row in coco["annotations"]],  # type: ignore[literal-required]
        "categories": [
            {"id": row["id"], "name": row["name"], "synonyms": [row["name"]], "synset": "", "def": "",
             **_counts(images[row["id"]])}
            for row in coco["categories"]
        ],
    }  # fmt: skip


def _counts(images: Sequence[int]) -> dict[str, Any]:
    """Of a class whose instances are in these images, one entry each."""
    number = len(set(images))
    frequency = "r" if number <= RARE else "c" if number <= COMMON else "f"
    return {"image_count": number, "instance_count": len(images), "frequency": frequency}


FORMAT = Format("LVIS", write, "images", frozenset({"scores", "crowds"}))
