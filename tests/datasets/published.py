"""VOC 2012 with SBD, and COCO 2017, in miniature: the published layouts, with pictures in which there is something.

The pictures are those of the demo, cut to an oblong; their six classes carry names of the data set's.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from empaste.datasets.demo import draw_scene
from tests.datasets.layouts import write_indices, write_sbd, write_xml

SIDE, HEIGHT = 128, 96
VOC_CLASSES = {
    1: (5, "bottle"),
    2: (3, "bird"),
    3: (9, "chair"),
    4: (19, "train"),
    5: (16, "pottedplant"),
    6: (15, "person"),
}
"""The demo's class -> id and name of VOC's."""
COCO_CLASSES = {
    1: (37, "sports ball", "sports"), 2: (16, "bird", "animal"), 3: (44, "bottle", "kitchen"),
    4: (7, "train", "vehicle"), 5: (64, "potted plant", "furniture"), 6: (1, "person", "person"),
}  # fmt: skip
"""The demo's class -> id, name and supercategory of COCO's, whose ids have gaps."""
NUM_TRAIN, NUM_WITH_MASKS, NUM_VAL = 12, 4, 4
UNLABELLED = 581921
"""A picture without annotation."""


class Scene(NamedTuple):
    """A picture, and of every object the demo's class and the mask."""

    image: UInt8[np.ndarray, "h w 3"]
    class_ids: list[int]
    masks: list[Bool[np.ndarray, "h w"]]


def scene(number: int) -> Scene:
    """The picture ``number``, of `HEIGHT` × `SIDE` pixels, with at least one object."""
    image, class_ids, masks = draw_scene(0, number, SIDE)
    top = (SIDE - HEIGHT) // 2
    cut = [mask[top : top + HEIGHT] for mask in masks]
    seen = [(class_id, mask) for class_id, mask in zip(class_ids, cut, strict=True) if mask.any()]
    assert seen, f"picture {number} shows nothing; take another"
    return Scene(image[top : top + HEIGHT], [one for one, _ in seen], [mask for _, mask in seen])


def write_photograph(path: Path, shown: Scene) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shown.image).save(path, quality=95)


def write_published_voc(folder: Path) -> Path:
    """``folder`` holds the unpacked archives of VOC 2012 and of SBD, and SBD's trainaug list; returns the devkit.

    `NUM_WITH_MASKS` of the `NUM_TRAIN` training images have VOC's masks, the others SBD's alone; the `NUM_VAL` for
    validation have VOC's.
    """
    year = folder / "VOCdevkit" / "VOC2012"
    names = [f"2008_{number:06}" for number in range(1, 1 + NUM_TRAIN + NUM_VAL)]
    train, val = names[:NUM_TRAIN], names[NUM_TRAIN:]
    for number, name in enumerate(names, 1):
        shown = scene(number)
        write_photograph(year / "JPEGImages" / f"{name}.jpg", shown)
        write_xml(year / "Annotations" / f"{name}.xml", [VOC_CLASSES[one][1] for one in shown.class_ids])
        if name in train[NUM_WITH_MASKS:]:
            _write_sbd(folder / "benchmark_RELEASE/dataset/inst" / f"{name}.mat", shown)
        else:
            _write_voc_masks(year, name, shown)
    sets = year / "ImageSets" / "Segmentation"
    sets.mkdir(parents=True)
    for split, listed in (("train", train[:NUM_WITH_MASKS]), ("val", val), ("trainaug", train)):
        (sets / f"{split}.txt").write_text("".join(f"{name}\n" for name in listed))
    return folder / "VOCdevkit"


def _numbered(shown: Scene) -> UInt8[np.ndarray, "h w"]:
    """The number of the object at every pixel, from 1; 0 where there is none."""
    objects = np.zeros(shown.image.shape[:2], np.uint8)
    for number, mask in enumerate(shown.masks, 1):
        objects[mask] = number
    return objects


def _write_sbd(path: Path, shown: Scene) -> None:
    write_sbd(path, _numbered(shown), [VOC_CLASSES[one][0] for one in shown.class_ids])


def _write_voc_masks(year: Path, name: str, shown: Scene) -> None:
    """Objects and classes as palette images, with a rim of void around them."""
    objects = _numbered(shown)
    classes = np.array([0, *(VOC_CLASSES[one][0] for one in shown.class_ids)], np.uint8)[objects]
    rim = (cv2.dilate((objects > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & (objects == 0)
    objects[rim] = classes[rim] = 255
    write_indices(year / "SegmentationObject" / f"{name}.png", objects)
    write_indices(year / "SegmentationClass" / f"{name}.png", classes)


def write_published_coco(folder: Path) -> Path:
    """``folder`` holds the unpacked archives of COCO 2017; returns it.

    Each split has a crowd. Beside the `NUM_TRAIN` training images there is one of which nothing is annotated.
    """
    ids = range(1, 1 + NUM_TRAIN + NUM_VAL)
    for split, own in (("train", [*ids[:NUM_TRAIN], UNLABELLED]), ("val", ids[NUM_TRAIN:])):
        for number in own:
            write_photograph(folder / f"{split}2017" / f"{number:012}.jpg", scene(number))
        _write_instances(folder / "annotations" / f"instances_{split}2017.json", list(own))
        for other in ("captions", "person_keypoints"):
            (folder / "annotations" / f"{other}_{split}2017.json").write_text('{"images": [], "annotations": []}')
    return folder


def _write_instances(path: Path, ids: Sequence[int]) -> None:
    annotations = [one for number in ids if number != UNLABELLED for one in _instances(number, scene(number))]
    first = annotations[0]
    crowd = {"segmentation": {"size": [HEIGHT, SIDE], "counts": [0, 40, HEIGHT * SIDE - 40]}, "iscrowd": 1, "area": 40}
    annotations.append(first | crowd | {"id": 900000 + ids[0], "bbox": [0, 0, 1, 40]})
    content = {
        "info": {"year": 2017}, "licenses": [{"id": 1}],
        "images": [
            {"id": number, "file_name": f"{number:012}.jpg", "height": HEIGHT, "width": SIDE, "license": 1}
            for number in ids
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name, "supercategory": above} for i, name, above in COCO_CLASSES.values()],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _instances(image_id: int, shown: Scene) -> list[dict[str, Any]]:
    """The objects as COCO annotates them, by polygons around their outlines."""
    rows = []
    for number, (class_id, mask) in enumerate(zip(shown.class_ids, shown.masks, strict=True)):
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        polygons = [contour.reshape(-1).tolist() for contour in contours if len(contour) > 2]
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        if polygons:
            rows.append(
                {"id": 100 * image_id + number, "image_id": image_id, "category_id": COCO_CLASSES[class_id][0],
                 "segmentation": polygons, "area": int(mask.sum()), "bbox": [x, y, width, height], "iscrowd": 0}
            )  # fmt: skip
    return rows
