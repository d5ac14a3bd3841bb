"""LVIS v1: COCO's records with what LVIS adds; masks are RLE, which its own API reads.

Gupta et al. 2019; https://www.lvisdataset.org/dataset. No image says which classes are absent from it or not annotated
exhaustively, since nobody looked for that.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from empaste.artifacts.coco_records import Annotation, Coco
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
    unknown: dict[str, list[int]] = {"neg_category_ids": [], "not_exhaustive_category_ids": []}
    return {
        "info": coco["info"],
        "licenses": [],
        "images": [{**row, "coco_url": "", **unknown} for row in coco["images"]],
        "annotations": [{key: row[key] for key in OWN} for row in coco["annotations"]],  # type: ignore[literal-required]
        "categories": [
            {"id": row["id"], "name": row["name"], "synonyms": [row["name"]], "synset": "", "def": "",
             **_counts([one for one in coco["annotations"] if one["category_id"] == row["id"]])}
            for row in coco["categories"]
        ],
    }  # fmt: skip


def _counts(rows: Sequence[Annotation]) -> dict[str, Any]:
    images = len({row["image_id"] for row in rows})
    frequency = "r" if images <= RARE else "c" if images <= COMMON else "f"
    return {"image_count": images, "instance_count": len(rows), "frequency": frequency}


FORMAT = Format("LVIS", write, "images", frozenset({"scores", "crowds"}))
