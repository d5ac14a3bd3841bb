"""A run small enough to know by heart: two images, two classes, three foregrounds, and a server on it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uvicorn
import yaml

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into, write_table
from empaste.http_server import listen, server_config
from empaste.images import write_rgb
from empaste.layout import HERE, Layout
from empaste.masks import encode_mask, mask_box_xywh
from empaste.review.deciding import Review
from empaste.review.server import LIMITS, make_app

SIZE_HW = 40, 60
TOKEN = "a-token-for-tests"  # noqa: S105
NAMES = ("train/a 1.png", "train/b.png", "val/c.png")
UNCHOSEN = ("train/d.png", "train/e.png")
PARAMS = Path(__file__).parents[2] / "params.yaml"


def box(x: int, y: int = 10, side: int = 20) -> np.ndarray:
    """A square of so many pixels."""
    mask = np.zeros(SIZE_HW, bool)
    mask[y : y + side, x : x + side] = True
    return mask


MASKS = (box(5), box(30), box(6))
"""Segments 0 and 1 of image 1, segment 2 of image 2."""


def write_run(root: Path) -> Layout:
    """``root`` holds what a review reads: a ball and a fish in image 1, a ball in image 2."""
    there = HERE.below(root)
    for number, name in enumerate(NAMES):
        (there.images / name).parent.mkdir(parents=True, exist_ok=True)
        write_rgb(there.images / name, np.full((*SIZE_HW, 3), 60 * number + 40, np.uint8))
    images = {"image_id": [1, 2, 3], "split": ["train", "train", "val"], "file_name": list(NAMES)}
    write_into(there.images, pd.DataFrame(images | {"height": SIZE_HW[0], "width": SIZE_HW[1]}), Images)
    classes = {"class_id": [1, 2], "name": ["ball", "fish & <chips>"], "supercategory": "thing"}
    write_into(there.labels, pd.DataFrame(classes), Classes)
    write_into(there.labels, pd.DataFrame({"image_id": [1, 1, 2, 3], "class_id": [1, 2, 1, 1]}), Labels)
    write_into(there.segments, segment_rows(), Segments)
    write_pool(there, [(1, 1, 0, 0.9), (1, 2, 1, 0.4), (2, 1, 2, 0.2)])
    return there


def write_unchosen(there: Layout) -> Layout:
    """The run of `write_run`, and two images without a foreground: a ball in d, a fish in e, which has no segment."""
    images = {"image_id": [1, 2, 3, 4, 5], "split": ["train", "train", "val", "train", "train"]}
    images["file_name"] = [*NAMES, *UNCHOSEN]
    for number, name in enumerate(UNCHOSEN, 3):
        write_rgb(there.images / name, np.full((*SIZE_HW, 3), 30 * number + 40, np.uint8))
    write_into(there.images, pd.DataFrame(images | {"height": SIZE_HW[0], "width": SIZE_HW[1]}), Images)
    labels = {"image_id": [1, 1, 2, 3, 4, 5], "class_id": [1, 2, 1, 1, 1, 2]}
    write_into(there.labels, pd.DataFrame(labels), Labels)
    rows = segment_rows()
    further = rows.iloc[2:].assign(segment_id=3, image_id=4)
    write_into(there.segments, pd.concat([rows, further], ignore_index=True), Segments)
    return there


def write_refined(there: Layout, instances: list[tuple[int, int, np.ndarray]], pasted: str = "refined") -> None:
    """`refine` drew (image, class, mask), and ``paste.foregrounds`` is ``pasted``."""
    rows = [instance(number, *row[:2], encode_mask(row[2]), score=0.5) for number, row in enumerate(instances, 1)]
    images, classes = read_from(there.images, Images), read_from(there.labels, Classes)
    write_coco(there.refined / "pool.json", coco_dataset(images.query("split == 'train'"), classes, rows, "refined"))
    content = yaml.safe_load(PARAMS.read_text())
    content["paste"]["foregrounds"] = pasted
    there.params.write_text(yaml.safe_dump(content))


def segment_rows() -> pd.DataFrame:
    rows = []
    for number, mask in enumerate(MASKS):
        image_id, area, box_xywh = 1 + number // 2, int(mask.sum()), mask_box_xywh(mask)
        rows.append((number, image_id, encode_mask(mask)["counts"], *SIZE_HW, area, *box_xywh, 0.5))
    return pd.DataFrame(rows, columns=list(Segments.to_schema().columns))


def write_pool(there: Layout, entries: list[tuple[int, int, int, float]]) -> None:
    """The pool holds (image, class, segment, confidence)."""
    rows = [
        {
            "image_id": image_id, "class_id": class_id, "segment_id": segment_id, "distance": 1.0, "prob": 0.8,
            "inlier": True, "cam_empty": False, "instance": 0, "confidence": confidence,
        }
        for image_id, class_id, segment_id, confidence in entries
    ]  # fmt: skip
    write_table(pd.DataFrame(rows), there.foregrounds / "pool.parquet", Foregrounds)


@pytest.fixture
def run(tmp_path: Path) -> Layout:
    return write_run(tmp_path)


@contextmanager
def serving(run: Layout) -> Iterator[str]:
    """The address, without the token, of a server for the run."""
    with listen("127.0.0.1", 0, "take another") as listening:
        server = uvicorn.Server(server_config(make_app(Review(run), TOKEN), LIMITS))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def served(run: Layout) -> Iterator[str]:
    with serving(run) as address:
        yield address
