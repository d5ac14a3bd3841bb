"""Annotations of photographs that EXIF turns, drawn on the upright picture or on the pixels as stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from empaste.datasets.coco import open_coco
from empaste.datasets.frames import frame_vote, with_frame
from empaste.datasets.records import DataSet
from empaste.photographs import SIDES_SWAPPED, TRANSPOSED
from tests.datasets.layouts import settings_of
from tests.test_photographs import BACK

HEIGHT, WIDTH = 30, 40
UPRIGHT = np.zeros((HEIGHT, WIDTH), bool)
UPRIGHT[3:12, 5:25] = True


def stored(mask: np.ndarray, orientation: int) -> np.ndarray:
    """What must be stored so that ``orientation`` turns it into ``mask``."""
    if orientation == 1:
        return mask
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).transpose(TRANSPOSED[BACK[orientation]])) > 0


def runs(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def box(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(columns[0]), int(rows[0]), len(columns), len(rows)]


def write_set(
    root: Path, orientations: list[int], frame: str, upright: np.ndarray = UPRIGHT, size: bool = True
) -> Path:
    """Images turned by ``orientations``, each with a mask and a box in ``frame``; one more validates."""
    for split, turned in (("train", orientations), ("val", [1])):
        images, annotations = [], []
        for number, orientation in enumerate(turned):
            drawn = upright if frame == "upright" else stored(upright, orientation)
            exif = Image.Exif()
            exif[0x0112] = orientation
            name = root / split / f"{split}{number}.jpg"
            name.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(stored(upright, orientation).astype(np.uint8) * 200).save(name, exif=exif)
            sides = {"height": drawn.shape[0], "width": drawn.shape[1]} if size else {}
            images.append({"id": number, "file_name": name.name} | sides)
            rows = ({"segmentation": runs(drawn)}, {"segmentation": [], "bbox": box(drawn)})
            annotations += [{"image_id": number, "category_id": 1} | row for row in rows]
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
        (root / f"instances_{split}.json").write_text(json.dumps(content))
    return root


def framed(root: Path, wanted: Any = "auto") -> DataSet:
    data = open_coco(settings_of(root))
    return with_frame(data, map(frame_vote, data.examples), wanted)


def agrees(data: DataSet, upright: np.ndarray = UPRIGHT) -> list[bool]:
    """Whether mask and box of each training image are those of the upright picture."""
    pictures = [data.load(example, 0) for example in data.examples if example.split == "train"]
    return [
        bool((picture.masks[0][1] == upright).all()) and list(picture.boxes[0][1]) == box(upright)
        for picture in pictures
    ]


@pytest.mark.parametrize("frame", ["upright", "stored"])
@pytest.mark.parametrize("orientation", SIDES_SWAPPED)
def test_sizes_tell_where_sides_change_places(tmp_path: Path, orientation: int, frame: str) -> None:
    data = framed(write_set(tmp_path, [orientation], frame))
    assert agrees(data) == [True]
    count = "1 are annotated upright and 0" if frame == "upright" else "0 are annotated upright and 1"
    assert f"EXIF turns 1 images that have annotations; by their sizes {count} in stored pixels" in data.warnings[-1]


@pytest.mark.parametrize("frame", ["upright", "stored"])
def test_images_whose_sizes_tell_speak_for_the_others(tmp_path: Path, frame: str) -> None:
    data = framed(write_set(tmp_path, [6, 2, 3, 4], frame))
    assert agrees(data) == [True] * 4
    assert f"3, whose sizes cannot tell, are read as {frame}" in data.warnings[-1]
    assert "prepare.annotation_frame" not in data.warnings[-1]


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_where_no_size_tells_a_parameter_chooses(tmp_path: Path, orientation: int) -> None:
    root = write_set(tmp_path, [orientation], "stored")
    data = framed(root)
    assert agrees(data) == [False]
    assert "set prepare.annotation_frame to upright or stored" in data.warnings[-1]
    chosen = framed(root, "stored")
    assert agrees(chosen) == [True]
    assert "set prepare.annotation_frame" not in chosen.warnings[-1]


@pytest.mark.parametrize("orientation", sorted(TRANSPOSED))
def test_a_square_does_not_tell(tmp_path: Path, orientation: int) -> None:
    square = np.zeros((30, 30), bool)
    square[2:9, 4:20] = True
    root = write_set(tmp_path, [orientation], "stored", square)
    assert agrees(framed(root, "stored"), square) == [True]
    assert "1, whose sizes cannot tell, are read as upright" in framed(root).warnings[-1]


@pytest.mark.parametrize("frame", ["upright", "stored"])
@pytest.mark.parametrize("orientation", sorted(TRANSPOSED))
def test_without_stated_sizes_boxes_and_masks_follow_the_choice(tmp_path: Path, orientation: int, frame: str) -> None:
    root = write_set(tmp_path, [orientation], frame, size=False)
    data = open_coco(settings_of(root))
    rows = json.loads((root / "instances_train.json").read_text())
    rows["annotations"] = rows["annotations"][1:]  # an RLE states its own size
    (root / "instances_train.json").write_text(json.dumps(rows))
    data = framed(root, frame)
    (picture,) = (data.load(example, 0) for example in data.examples if example.split == "train")
    assert list(picture.boxes[0][1]) == box(UPRIGHT)


def test_splits_that_disagree_are_told(tmp_path: Path) -> None:
    root = write_set(tmp_path, [6, 6, 3], "upright")
    content = json.loads((root / "instances_train.json").read_text())
    content["images"][0] |= {"height": WIDTH, "width": HEIGHT}
    content["annotations"][0]["segmentation"] = runs(stored(UPRIGHT, 6))
    content["annotations"][1]["bbox"] = box(stored(UPRIGHT, 6))
    (root / "instances_train.json").write_text(json.dumps(content))
    data = framed(root)
    assert agrees(data) == [True, True, True]
    assert "1 are annotated upright and 1 in stored pixels" in data.warnings[-1]
    assert "set prepare.annotation_frame" in data.warnings[-1]


def test_nothing_turned_nothing_said(tmp_path: Path) -> None:
    data = open_coco(settings_of(write_set(tmp_path, [1], "upright")))
    assert with_frame(data, map(frame_vote, data.examples), "auto") is data
