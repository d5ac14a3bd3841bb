"""Tiny data sets in the layouts that people have: a plain folder, COCO, a VOC devkit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from empaste.datasets.settings import PrepareSettings
from empaste.settings import read_sections

SIZE_WH = (40, 30)
PARAMS = Path(__file__).parents[2] / "params.yaml"


def settings_of(root: Path | None, seed: int = 0, **changes: Any) -> PrepareSettings:
    """The shipped section ``prepare`` for the data set in ``root`` (None: the demo), with ``changes``."""
    content = read_sections(PARAMS)["prepare"] | {"root": str(root) if root else None, "seed": seed} | changes
    return PrepareSettings.model_validate(content)


def write_photo(path: Path, size_wh: tuple[int, int] = SIZE_WH, colour: tuple[int, int, int] = (90, 140, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size_wh, colour).save(path)
    return path


def write_folder(root: Path, rows: list[str], header: str = "file,label,split", missing: tuple[str, ...] = ()) -> Path:
    """A folder data set with a photograph for every row, those ``missing`` apart."""
    for row in rows:
        name = row.split(",")[0]
        if name and name not in missing:
            write_photo(root / "images" / name)
    root.mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


ROWS = ["a.jpg,cat,train", "b.jpg,dog,train", "b.jpg,cat,train", "c.jpg,cat;dog,val"]


def coco_content(first_id: int, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    """Two images, three categories (the last without any image), and annotations."""
    images = [
        {"id": first_id + number, "file_name": f"{first_id + number:06d}.jpg", "width": 40, "height": 30}
        for number in range(2)
    ]
    categories = [
        {"id": 3, "name": "cat", "supercategory": "animal"},
        {"id": 7, "name": "car", "supercategory": "vehicle"},
        {"id": 9, "name": "kite", "supercategory": "sports"},
    ]
    return {"images": images, "annotations": annotations, "categories": categories}


def square(annotation_id: int, image_id: int, category_id: int, **changes: Any) -> dict[str, Any]:
    """An annotation of a square of 10 × 10 pixels at (5, 5)."""
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]],
        "bbox": [5, 5, 10, 10],
        "area": 100,
        "iscrowd": 0,
    } | changes


CROWD_COUNTS = [0, 300, 900]
"""Run lengths of an image of 40 × 30 whose ten left columns are covered."""


def usual_contents() -> dict[str, dict[str, Any]]:
    crowd = square(12, 100, 7, segmentation={"size": [30, 40], "counts": CROWD_COUNTS}, iscrowd=1)
    return {
        "train": coco_content(100, [square(11, 100, 3), crowd, square(13, 101, 3)]),
        "val": coco_content(200, [square(21, 200, 7)]),
    }


def write_coco(
    root: Path,
    contents: dict[str, dict[str, Any]] | None = None,
    annotations: str = "annotations/instances_{split}2017.json",
    images: str = "{split}2017",
) -> Path:
    """A COCO data set with a photograph for every image row."""
    for split, content in (contents or usual_contents()).items():
        path = root / annotations.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        for row in content["images"]:
            write_photo(root / images.format(split=split) / str(row["file_name"]))
    return root


def write_indices(path: Path, indices: np.ndarray) -> None:
    """A palette PNG as VOC's: the colours differ from the indices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices.astype(np.uint8)).convert("P")
    image.putpalette([(7 * value + shift) % 256 for value in range(256) for shift in (0, 85, 170)])
    image.putdata(indices.ravel().tolist())
    image.save(path)


def write_xml(path: Path, names: list[str], difficult: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        "<part><name>head</name></part><bndbox><xmin>1</xmin></bndbox></object>"
        for name in names
    )
    path.write_text(f"<annotation><size><width>40</width><height>30</height></size>{objects}</annotation>")


def write_voc(root: Path) -> Path:
    """A devkit with two training and one validation image: a dog beside a person, a difficult sofa, a train."""
    year = root / "VOCdevkit" / "VOC2012"
    names = {"2007_000032": ["dog", "person", "dog"], "2008_000005": ["sofa"], "2009_000001": ["train"]}
    for name, things in names.items():
        write_photo(year / "JPEGImages" / f"{name}.jpg")
        write_xml(year / "Annotations" / f"{name}.xml", things, difficult=int(things == ["sofa"]))
    objects, classes = np.zeros((30, 40)), np.zeros((30, 40))
    objects[5:15, 5:15], classes[5:15, 5:15] = 1, 12
    objects[5:25, 20:30], classes[5:25, 20:30] = 2, 15
    objects[4, 5:15] = classes[4, 5:15] = 255
    classes[14, 5:15] = 255
    write_indices(year / "SegmentationObject" / "2007_000032.png", objects)
    write_indices(year / "SegmentationClass" / "2007_000032.png", classes)
    write_indices(year / "SegmentationObject" / "2009_000001.png", (objects == 1) * 1)
    write_indices(year / "SegmentationClass" / "2009_000001.png", (objects == 1) * 19)
    sets = year / "ImageSets" / "Segmentation"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("2007_000032\n2008_000005\n")
    (sets / "val.txt").write_text("2009_000001\n")
    return root


def write_sbd(path: Path, objects: np.ndarray, categories: list[int]) -> None:
    """A file of SBD's folder ``inst``: the objects of an image, numbered from 1, with the class of each."""
    from scipy.io import savemat
    from scipy.sparse import csc_matrix

    boundaries = np.empty((len(categories), 1), object)
    for row in range(len(categories)):
        boundaries[row, 0] = csc_matrix(objects == row + 1)
    instances = {
        "Segmentation": objects.astype(np.uint8),
        "Boundaries": boundaries,
        "Categories": np.array(categories, np.uint8)[:, None],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"GTinst": instances}, do_compression=True)
