"""Generated items for `benchmarks.flat_steps`: photographs with their annotations, and what networks say of them.

A photograph, its annotations and its segments depend on its number alone, so that a larger data set begins as a smaller
one does.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import yaml

from empaste.artifacts.arrays import write_array
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Detection
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into
from empaste.images import encode_rgb
from empaste.layout import HERE, pipeline_folder
from empaste.masks import encode_mask, mask_box_xywh
from empaste.proposals.table import COLUMNS, ImageFile, Proposed

SIDE = 48
"""Pixels of a generated image: work on pixels is small, so that what is left is work on items."""
NUM_CLASSES, NUM_VAL = 20, 2
INSTANCES, SEGMENTS, DETECTIONS = 2, 10, 4
"""Per image."""
LENGTH = 64
"""Of ``phi``."""
MASKS = 400
"""Different masks that instances and segments are drawn from."""
RAW = Path("raw")
PARAMS: dict[str, dict[str, Any]] = {
    "prepare": {"dataset": "coco", "root": str(RAW)},
    "backgrounds": {"method": "none"},
    "paste": {"n_p": 2, "duplicate_originals": 1, "keep_originals": False, "selection": "repeat_factor"},
}
"""What differs from the shipped parameters."""


class Mask(NamedTuple):
    """An ellipse: its RLE's counts, area and box."""

    counts: str
    area: int
    box_xywh: tuple[int, int, int, int]


def masks() -> list[Mask]:
    """`MASKS` ellipses."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(MASKS):
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        centre, axes = rng.integers(12, SIDE - 12, 2).tolist(), rng.integers(5, 14, 2).tolist()
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        box = mask_box_xywh(canvas > 0)
        found.append(Mask(encode_mask(canvas)["counts"], int(canvas.sum()), box))
    return found


def make_photographs(items: int) -> None:
    """`RAW` is a COCO data set of ``items`` training images and `NUM_VAL` to validate, beside parameters for it."""
    content = yaml.safe_load((pipeline_folder() / HERE.params).read_text())
    for section, values in PARAMS.items():
        content[section] |= values
    HERE.params.write_text(yaml.safe_dump(content))
    shapes = masks()
    for split, first, count in (("train", 1, items), ("val", items + 1, NUM_VAL)):
        folder = RAW / f"{split}2017"
        folder.mkdir(parents=True)
        annotations = [row for number in range(first, first + count) for row in annotated(number, shapes)]
        for number in range(first, first + count):
            (folder / f"{number:012d}.jpg").write_bytes(photograph(number))
        images = [
            {"id": number, "file_name": f"{number:012d}.jpg", "height": SIDE, "width": SIDE}
            for number in range(first, first + count)
        ]
        categories = [{"id": number, "name": f"class {number}"} for number in range(1, NUM_CLASSES + 1)]
        coco = {"images": images, "annotations": annotations, "categories": categories}
        write_whole(RAW / "annotations" / f"instances_{split}2017.json", json.dumps(coco).encode())


def photograph(number: int) -> bytes:
    """The JPEG of clouds that no other number has."""
    rng = np.random.default_rng([1, number])
    clouds = cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return encode_rgb(clouds, ".jpg", 90, full_colour=False)


def annotated(image_id: int, shapes: Sequence[Mask]) -> Iterator[dict[str, Any]]:
    """The instances of an image, as COCO has them."""
    rng = np.random.default_rng([2, image_id])
    for k, place in enumerate(rng.integers(0, len(shapes), INSTANCES).tolist()):
        yield {
            "id": INSTANCES * image_id + k,
            "image_id": image_id,
            "category_id": int(rng.integers(1, NUM_CLASSES + 1)),
            "segmentation": {"size": [SIDE, SIDE], "counts": shapes[place].counts},
            "area": shapes[place].area,
            "bbox": list(shapes[place].box_xywh),
            "iscrowd": 0,
        }


def generate_segments(_propose: object, images: Sequence[ImageFile], shapes: Sequence[Mask]) -> Iterator[Proposed]:
    """Segments in place of those that a method finds, as `propose_image` gives them."""
    for image_id, _ in images:
        rng = np.random.default_rng([3, image_id])
        rows = [
            (image_id, one.counts, SIDE, SIDE, one.area, *one.box_xywh, float(score))
            for one, score in zip(
                (shapes[place] for place in rng.choice(len(shapes), SEGMENTS, replace=False).tolist()),
                np.sort(rng.random(SEGMENTS))[::-1],
                strict=True,
            )
        ]
        yield Proposed(pd.DataFrame(rows, columns=COLUMNS), {})


def make_answers(_items: int) -> None:
    """What networks say of the images and segments: CAMs, features and evidence."""
    rng = np.random.default_rng(4)
    labels, segments = read_from(HERE.labels, Labels), read_from(HERE.segments, Segments)
    known = labels[labels["image_id"].isin(segments["image_id"].unique())].reset_index(drop=True)
    num = len(known)
    cams = known.assign(prob=rng.uniform(0.2, 1, num), centre_x=24.0, centre_y=24.0, cam_empty=False)
    write_into(HERE.cams, cams, Cams)
    write_array(HERE.features / "phi.npy", rng.standard_normal((len(segments), LENGTH), np.float32))
    write_array(HERE.features / "probs.npy", rng.random((len(segments), NUM_CLASSES), np.float32))
    rows = known.merge(segments[["image_id", "segment_id"]], on="image_id")
    rows = rows[["image_id", "class_id", "segment_id"]]
    terms = {name: rng.random(len(rows)) for name in ("cam_overlap", "frame_share", "objectness")}
    judged = {name: rng.standard_normal(len(rows)) for name in ("insertion", "deletion")}
    evidence = rows.assign(**terms, **judged, judged=True, score=rng.standard_normal(len(rows)))
    write_into(HERE.evidence, evidence, Evidence)


def make_no_backgrounds(_items: int) -> None:
    """No synthesised background: all is pasted on originals."""
    write_into(HERE.backgrounds, pd.DataFrame(columns=list(Backgrounds.to_schema().columns)), Backgrounds)


def make_detections(_items: int) -> None:
    """Detections in the training images, two in three of them near an instance."""
    rng = np.random.default_rng(6)
    shapes = masks()
    found = [
        detection(row, shapes[rng.integers(len(shapes))], rng)
        for row in read_coco(HERE.train_truth)["annotations"]
        for _ in range(DETECTIONS // INSTANCES)
    ]
    write_whole(Path("detections.json"), json.dumps(found).encode())


def detection(near: Annotation, shape: Mask, rng: np.random.Generator) -> Detection:
    """The instance ``near``, or by a chance of one in three another shape in its image."""
    is_near = rng.random() < 2 / 3
    return {
        "image_id": near["image_id"],
        "category_id": near["category_id"],
        "bbox": near["bbox"] if is_near else [float(side) for side in shape.box_xywh],
        "score": round(float(rng.beta(4, 2) if is_near else rng.beta(2, 4)), 5),
        "segmentation": near["segmentation"] if is_near else {"size": [SIDE, SIDE], "counts": shape.counts},
    }
