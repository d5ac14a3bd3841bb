"""Pseudo labels of training images: what is believed, what is written and printed, what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from empaste import pseudo_labels
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance, Detection
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.cli import app
from empaste.detectors.detecting import Detect, DetectSettings
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import decode_mask, encode_mask
from empaste.paste.foreground_file import read_foreground_file
from empaste.pseudo_labels import MAX_DETECTIONS, ClassCount, choose, count_classes, write_pseudo_labels

SETTINGS = DetectSettings(min_score=0.7, max_detections=MAX_DETECTIONS, batch_size=2, num_threads=1, device="cpu")
CLASSES = pd.DataFrame({"class_id": [3, 7, 9], "name": ["cat", "dog", "emu"], "supercategory": "animal"})
PLACES: dict[str, Any] = {"images": Path("data/images"), "labels": Path("data/labels")}


def square(x: int, side: int = 10) -> np.ndarray:
    mask = np.zeros((20, 40), bool)
    mask[2 : 2 + side, x : x + side] = True
    return mask


def found(image_id: int, class_id: int, score: float, mask: np.ndarray) -> Detection:
    return {"image_id": image_id, "category_id": class_id, "bbox": [0, 0, 1, 1], "score": score,
            "segmentation": encode_mask(mask)}  # fmt: skip


def test_sure_detections_of_the_labels_classes_are_kept_in_their_order() -> None:
    rows = [found(1, 3, 0.9, square(0)), found(1, 7, 0.95, square(12)), found(1, 3, 0.7, square(25)),
            found(1, 3, 0.69, square(12)), found(2, 7, 0.8, square(0)), found(2, 3, 0.99, square(0))]  # fmt: skip
    assert choose(rows, {(1, 3), (2, 7)}, 0.7, 1, 0) == [rows[0], rows[2], rows[4]]
    assert choose(rows, set(), 0.0, 1, 0) == choose([], {(1, 3)}, 0.0, 1, 0) == []


def test_the_best_one_of_a_labelled_class_may_be_less_sure() -> None:
    rows = [found(1, 3, 0.4, square(0)), found(1, 3, 0.39, square(20)), found(1, 7, 0.8, square(0)),
            found(1, 7, 0.6, square(20)), found(2, 3, 0.29, square(0)), found(2, 7, 0.5, square(0))]  # fmt: skip
    assert choose(rows, {(1, 3), (1, 7), (2, 3)}, 0.7, 0.3, 0) == [rows[0], rows[2]]
    assert choose(rows, {(1, 3), (1, 7), (2, 3)}, 0.39, 0.7, 0) == rows[:4]  # no stricter than the others


def test_of_two_of_one_object_the_better_stays() -> None:
    half = square(0)
    half[2:7] = False  # IoU 0.5 with the whole, not over it: another object
    rows = [found(1, 3, 0.8, square(0)), found(1, 3, 0.9, square(1)), found(1, 3, 0.85, square(4)),
            found(1, 7, 0.75, square(0)), found(2, 3, 0.7, square(0)), found(3, 3, 0.9, square(0)),
            found(3, 3, 0.9, half), found(4, 3, 0.9, square(0)), found(4, 3, 0.9, square(1))]  # fmt: skip
    present = {(image, class_id) for image in (1, 2, 3, 4) for class_id in (3, 7)}
    # Image 1: the second takes out the first (IoU 0.82) and the third (0.54), but not the dog in the same place.
    assert choose(rows, present, 0.7, 1, 0) == [rows[1], rows[3], rows[4], rows[5], rows[6], rows[7]]


def test_what_a_dropped_one_overlaps_stays() -> None:
    rows = [found(1, 3, score, square(x)) for x, score in ((0, 0.9), (3, 0.8), (6, 0.75))]  # a chain: IoU 0.54, 0.25
    assert choose(rows, {(1, 3)}, 0.7, 1, 0) == [rows[0], rows[2]]


def test_the_best_of_each_class() -> None:
    rows = [found(1, 3, 0.8, square(0)), found(2, 3, 0.9, square(0)), found(3, 3, 0.9, square(0)),
            found(3, 7, 0.7, square(0))]  # fmt: skip
    present = {(image, class_id) for image in (1, 2, 3) for class_id in (3, 7)}
    assert choose(rows, present, 0.5, 1, 2) == rows[1:]
    assert choose(rows, present, 0.5, 1, 1) == [rows[1], rows[3]]


def test_counts_per_class() -> None:
    rows = [found(1, 3, 0.8, square(0)), found(1, 3, 0.8, square(12))]
    assert count_classes(rows, {(1, 3), (2, 3), (2, 7)}, CLASSES) == [
        ClassCount("cat", 2, 2, 1), ClassCount("dog", 0, 1, 1), ClassCount("emu", 0, 0, 0)
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three training images (cat; dog and cat; emu) and one to validate, and a detector that always sees the same."""
    monkeypatch.chdir(tmp_path)
    names = ["train/1.png", "train/2.png", "train/3.png", "val/4.png"]
    images = pd.DataFrame(
        {"image_id": [1, 2, 3, 4], "split": ["train"] * 3 + ["val"], "file_name": names, "height": 20, "width": 40}
    )
    for name in names[:3]:  # the one to validate is not opened
        path = Path("data/images") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(path, np.full((20, 40, 3), 90, np.uint8))
    write_table(images, Path("data/images/images.parquet"), Images)
    write_table(CLASSES, Path("data/labels/classes.parquet"), Classes)
    labels = pd.DataFrame({"image_id": [1, 2, 2, 3, 4], "class_id": [3, 3, 7, 9, 7]})
    write_table(labels, Path("data/labels/labels.parquet"), Labels)
    write_model({3: "cat", 7: "dog", 9: "emu"})
    monkeypatch.setattr(pseudo_labels, "load_detector", load_decided)
    return tmp_path


def write_model(classes: dict[int, str]) -> None:
    Path("models/mask_rcnn").mkdir(parents=True, exist_ok=True)
    rows = [{"id": number, "name": name} for number, name in classes.items()]
    Path("models/mask_rcnn/config.json").write_text(json.dumps({"backend": "decided", "classes": rows}))


def load_decided(_model: Path, settings: DetectSettings) -> Detect:
    rows = [found(0, 3, 0.9, square(0)), found(0, 7, 0.8, square(15)), found(0, 3, 0.75, square(1)),
            found(0, 3, 0.5, square(25))]  # fmt: skip
    answer: list[DetectedInstance] = [
        {"category_id": row["category_id"], "bbox": row["bbox"], "score": row["score"],
         "segmentation": row["segmentation"]}
        for row in rows if row["score"] >= settings.min_score
    ]  # fmt: skip
    return lambda images: [answer for _ in images]


def write(min_score: float = 0.7, min_best: float = 0.7, per_class: int = 0) -> list[ClassCount]:
    settings, places = replace(SETTINGS, min_score=min_score), (Path("data/images"), Path("data/labels"))
    out, model = Path("out/labels.json"), Path("models/mask_rcnn")
    return write_pseudo_labels(out, model, *places, settings, min_best=min_best, per_class=per_class)


def test_the_file_is_a_coco_data_set_of_the_training_images() -> None:
    assert write() == [ClassCount("cat", 2, 2, 0), ClassCount("dog", 1, 1, 0), ClassCount("emu", 0, 1, 1)]
    data = read_coco(Path("out/labels.json"))
    assert [(image["id"], image["file_name"], image["height"], image["width"]) for image in data["images"]] == [
        (1, "train/1.png", 20, 40), (2, "train/2.png", 20, 40), (3, "train/3.png", 20, 40)
    ]  # fmt: skip
    assert [(row["id"], row["name"]) for row in data["categories"]] == [(3, "cat"), (7, "dog"), (9, "emu")]
    rows = [(row["id"], row["image_id"], row["category_id"], row["score"]) for row in data["annotations"]]
    assert rows == [(1, 1, 3, 0.9), (2, 2, 3, 0.9), (3, 2, 7, 0.8)]
    dog = data["annotations"][2]
    assert np.array_equal(decode_mask(dog["segmentation"]), square(15))
    assert (dog["area"], dog["bbox"], dog["iscrowd"]) == (100, [15, 2, 10, 10], 0)


def test_paste_reads_what_is_written() -> None:
    write()
    tables = (read_table(Path("data/images/images.parquet"), Images),
              read_table(Path("data/labels/labels.parquet"), Labels), CLASSES)  # fmt: skip
    taken = read_foreground_file(Path("out/labels.json"), *tables)
    assert not taken.left_out
    assert [(one.image_id, one.class_id, one.confidence) for one in taken.foregrounds] == [
        (1, 3, 0.9), (2, 3, 0.9), (2, 7, 0.8)
    ]  # fmt: skip


def test_a_lower_score_finds_more() -> None:
    assert [one.instances for one in write(min_score=0.5)] == [4, 1, 0]


def test_ground_truth_is_not_opened() -> None:
    Path("data/ground_truth").mkdir()
    Path("data/ground_truth/train.json").write_text("no JSON at all")
    assert [one.instances for one in write()] == [2, 1, 0]


def other_labels() -> None:
    table = pd.DataFrame({"image_id": [1, 2, 3, 4], "class_id": [9, 9, 9, 3]})
    write_table(table, Path("data/labels/labels.parquet"), Labels)


def occupy() -> None:
    Path("out").mkdir()
    Path("out/labels.json").write_text("kept")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (occupy, r"out/labels\.json exists; give another file, or remove it"),
        (
            lambda: write_model({3: "cat", 7: "cow"}),
            r"models/mask_rcnn knows the classes 3 cat, 7 cow; data/labels/classes\.parquet has 3 cat, 7 dog, 9 emu",
        ),
        (
            other_labels,
            r"finds nothing in the 3 training images that scores 0\.7 or more and that their labels name \(9 "
            r"detections of other classes\); lower --min-best, or train longer",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_written(prepare: Callable[[], Any], message: str) -> None:
    prepare()
    with pytest.raises(InputError, match=message):
        write()
    assert not Path("out/labels.json").exists() or Path("out/labels.json").read_text() == "kept"


def test_the_command_prints_counts_per_class() -> None:
    done = CliRunner().invoke(app, ["pseudo-labels", "found.json", "--device", "cpu", "--per-class", "1"])
    assert done.exit_code == 0, done.output
    assert [line for line in done.stdout.splitlines() if "instances" in line] == [
        "cat: 1 instances; 1 of 2 images of this label got none",
        "dog: 1 instances; 0 of 1 images of this label got none",
        "emu: 0 instances; 1 of 1 images of this label got none",
        "2 instances: found.json",
    ]
    assert len(read_coco(Path("found.json"))["annotations"]) == 2
