"""The composites as a detector reads them: every image with its instances, in memory where they fit."""

import math
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Coco, ImageRecord, rows_by_image
from empaste.artifacts.shards import ShardEntry, Shards
from empaste.errors import InputError
from empaste.jittering import Sample
from empaste.masks import decode_mask, decode_masks, rle_area_box_xywh
from empaste.rle import RLE

MEMORY_LIMIT = 2 * 2**30
"""Bytes of decoded images and masks up to which all are kept."""


class Composites(NamedTuple):
    """``load(k)`` gives the k-th image with its instances; labels are 1 + the place in ``classes``, (id, name).

    ``num_void`` of the images have void pixels.
    """

    image_ids: list[int]
    classes: list[tuple[int, str]]
    load: Callable[[int], Sample]
    num_void: int


def open_composites(folder: Path, memory_limit: int = MEMORY_LIMIT) -> Composites:
    """The data set ``folder/instances.json`` with its images in the shards beside it.

    Images without an instance are kept: they show what is background. Classes without one are named on stderr.
    `InputError` where no image has any, or where an image, a mask or a box does not fit what the file says.
    """
    path = folder / "instances.json"
    data = read_coco(path)
    if not data["annotations"]:
        raise InputError(
            f"{path} holds {len(data['images'])} images and no instance, so there is nothing to learn; see the masks "
            "per class in metrics/foregrounds.json, then change proposals or foregrounds and run: dvc repro"
        )
    classes = [(int(row["id"]), str(row["name"])) for row in sorted(data["categories"], key=lambda row: row["id"])]
    labels = {class_id: place + 1 for place, (class_id, _) in enumerate(classes)}
    _check_boxes(path, data["annotations"])
    rows = _rows_per_image(path, data, labels)
    _name_absent(path, classes, {annotation["category_id"] for _, annotations in rows for annotation in annotations})
    shards = Shards(folder)
    read = partial(_read, [shards.entry(image["file_name"]) for image, _ in rows], rows, labels)
    load: Callable[[int], Sample] = read
    if sum(image["height"] * image["width"] * (3 + len(annotations)) for image, annotations in rows) <= memory_limit:
        samples = [read(k) for k in tqdm(range(len(rows)), "reading composites", unit="image")]
        load = samples.__getitem__
    num_void = sum("void" in image for image, _ in rows)
    return Composites([int(image["id"]) for image, _ in rows], classes, load, num_void)


Row = tuple[ImageRecord, list[Annotation]]


def _rows_per_image(path: Path, data: Coco, labels: dict[int, int]) -> list[Row]:
    """(image, its annotations), in order of id; crowd regions are no instances."""
    for annotation in data["annotations"]:
        if annotation["category_id"] not in labels:
            raise InputError(f"{path}: annotation {annotation['id']} has category_id {annotation['category_id']}, "
                             f"which categories lacks; run: dvc repro paste")  # fmt: skip
    annotations = rows_by_image(row for row in data["annotations"] if not row["iscrowd"])
    images = sorted(data["images"], key=lambda image: image["id"])
    unknown = sorted(set(annotations) - {image["id"] for image in images})
    if unknown:
        raise InputError(f"{path}: annotations name image {unknown[0]}, which images lacks; run: dvc repro paste")
    return [(image, annotations.get(image["id"], [])) for image in images]


def _check_boxes(path: Path, annotations: Iterable[Annotation]) -> None:
    """`InputError` where an annotation's box is none."""
    for annotation in annotations:
        if not _is_box(annotation["bbox"]):
            raise InputError(
                f"{path}: annotation {annotation['id']} has the bbox {annotation['bbox']}; allowed are four finite "
                "numbers: x, y, width, height; run: dvc repro paste"
            )


def _is_box(bbox: Any) -> bool:
    numbers = isinstance(bbox, list) and all(isinstance(side, int | float) for side in bbox)
    return numbers and len(bbox) == 4 and all(map(math.isfinite, bbox))


def _name_absent(path: Path, classes: list[tuple[int, str]], present: set[int]) -> None:
    absent = [name for class_id, name in classes if class_id not in present]
    if absent:
        print(f"WARNING: {', '.join(absent)} {'have' if len(absent) > 1 else 'has'} no instance in {path}: "
              "the detector will never find them", file=sys.stderr)  # fmt: skip


def _read(files: list[ShardEntry], rows: list[Row], labels: dict[int, int], place: int) -> Sample:
    row, annotations = rows[place]
    image = files[place].read_rgb()
    size_hw = image.shape[:2]
    void = row.get("void")
    for rle in [*(annotation["segmentation"] for annotation in annotations), *([void] if void else [])]:
        if tuple(rle["size"]) != size_hw:
            raise InputError(
                f"{files[place]} is {size_hw[0]} × {size_hw[1]} pixels, but a mask of it in "
                f"instances.json is {rle['size']}; allowed is an RLE of the image's size; run: dvc repro paste"
            )
    # Emptiness shows in the run lengths: the masks themselves would have to be read once more, and copied.
    visible = [row for row in annotations if rle_area_box_xywh(row["segmentation"])[0]]
    rles = [row["segmentation"] for row in visible]
    masks = decode_masks(rles).view(np.uint8) if rles else np.zeros((0, *size_hw), np.uint8)
    return Sample(image, masks, np.array([labels[row["category_id"]] for row in visible], np.int64), _void_of(void))


def _void_of(void: RLE | None) -> UInt8[np.ndarray, "h w"] | None:
    """The void pixels as `Sample` has them."""
    return decode_mask(void).view(np.uint8) if void and rle_area_box_xywh(void)[0] else None
