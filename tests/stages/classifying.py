"""A small prepared data set, written as the prepare stage would, and fast parameters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_table
from empaste.images import write_rgb
from empaste.masks import encode_mask, mask_box_xywh

ROOT = Path(__file__).parents[2]
FAST: dict[str, dict[str, Any]] = {
    "classifier": {"width": 8, "image_size": 32, "epochs": 2, "batch_size": 4, "num_threads": 1, "device": "cpu"},
    "train": {"width": 8},
    "cams": {"num_threads": 1, "device": "cpu", "batch_size": 4},
    "evidence": {"num_threads": 1, "device": "cpu", "batch_size": 4},
    "features": {"num_threads": 1, "device": "cpu", "batch_size": 4},
}

REFINE = {
    "rounds": 2, "width": 16, "image_size": 32, "iterations": 4, "batch_size": 2, "threshold": 0.02, "num_threads": 1,
    "device": "cpu",
}  # fmt: skip


def write_params(**changes: Mapping[str, Any]) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section in FAST.keys() | changes.keys():
        params[section] |= {**FAST.get(section, {}), **changes.get(section, {})}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def write_segments(masks_of: Mapping[int, Sequence[np.ndarray]]) -> None:
    """The segments' table of masks per image id, in order."""
    rows: list[dict[str, Any]] = []
    for image_id, masks in masks_of.items():
        for mask in masks:
            x, y, width, height = mask_box_xywh(mask)
            rows.append(
                {"segment_id": len(rows), "image_id": image_id, "counts": encode_mask(mask)["counts"],
                 "height": mask.shape[0], "width": mask.shape[1], "area": int(mask.sum()), "x": x, "y": y,
                 "box_width": width, "box_height": height, "score": 1.0}
            )  # fmt: skip
    write_table(pd.DataFrame(rows), Path("data/segments/segments.parquet"), Segments)


def write_dataset(num_train: int = 9, num_val: int = 3) -> None:
    """Red discs (class 2) and blue squares (class 5); image 1 shows both, image 2 is wide."""
    rng = np.random.default_rng(0)
    rows, pairs = [], []
    for image_id in range(1, num_train + num_val + 1):
        split = "train" if image_id <= num_train else "val"
        size = (24, 48) if image_id == 2 else (40, 40)
        image = rng.integers(90, 140, (*size, 3), np.uint8)
        shown = [2, 5] if image_id == 1 else [(2, 5)[image_id % 2]]
        if 2 in shown:
            image[4:16, 4:16] = (220, 30, 30)
        if 5 in shown:
            image[8:20, 20:36] = (30, 30, 220)
        name = f"{split}/{image_id:03}.png"
        path = Path("data/images", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(path, image)
        rows.append({"image_id": image_id, "split": split, "file_name": name, "height": size[0], "width": size[1]})
        pairs += [{"image_id": image_id, "class_id": class_id} for class_id in shown]
    write_table(pd.DataFrame(rows), Path("data/images/images.parquet"), Images)
    write_table(pd.DataFrame(pairs), Path("data/labels/labels.parquet"), Labels)
    classes = pd.DataFrame({"class_id": [2, 5], "name": ["disc", "square"], "supercategory": ["toy", "toy"]})
    write_table(classes, Path("data/labels/classes.parquet"), Classes)


def disc(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[4:16, 4:16] = True
    return mask


def square(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[8:20, 20:36] = True
    return mask


def write_refinable() -> None:
    """Four training images, whose discs (class 2) and squares (class 5) are the pool and, two of them, the truth."""
    write_dataset(num_train=4)
    write_segments({1: [disc(40, 40), square(40, 40)], 2: [disc(24, 48)], 3: [square(40, 40)], 4: [disc(40, 40)]})
    chosen = [(1, 2, 0), (1, 5, 1), (2, 2, 2), (3, 5, 3), (4, 2, 4)]
    table = pd.DataFrame(chosen, columns=["image_id", "class_id", "segment_id"])
    terms = {"distance": 0.5, "prob": 0.9, "inlier": True, "cam_empty": False, "instance": 0, "confidence": 0.8}
    write_table(table.assign(**terms), Path("data/foregrounds/pool.parquet"), Foregrounds)
    truth = [instance(1, 1, 2, encode_mask(disc(40, 40))), instance(2, 4, 2, encode_mask(disc(40, 40)))]
    images = read_from(Path("data/images"), Images).query("split == 'train'")
    classes = read_from(Path("data/labels"), Classes)
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(images, classes, truth, "test"))
