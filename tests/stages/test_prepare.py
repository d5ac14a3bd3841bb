"""The stage: its files hold together, are the same with any number of workers, and bad input leaves them alone."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
import yaml
from PIL import Image
from pycocotools.coco import COCO

import empaste.datasets.writing
from empaste.artifacts.label_decisions import LabelDecision, write_label_decisions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import read_table
from empaste.images import read_rgb
from empaste.layout import HERE
from stages.prepare import main
from tests.datasets.layouts import ROWS, write_coco, write_folder, write_voc
from tests.stages.interrupting import Interruption, assert_goes_on

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    monkeypatch.delenv("DVC_ROOT", raising=False)


def prepare(**changes: Any) -> dict[str, Any]:
    """Run the stage and return its metrics."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["prepare"] |= {"num_train": 8, "num_val": 4, "image_size": 64} | changes
    Path("params.yaml").write_text(yaml.safe_dump(params))
    main()
    metrics: dict[str, Any] = json.loads(Path("metrics/prepare.json").read_text())
    return metrics


def written() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path("data").rglob("*")) if path.is_file()}


def test_files_hold_together() -> None:
    metrics = prepare()
    images = read_table(Path("data/images/images.parquet"), Images)
    labels = read_table(Path("data/labels/labels.parquet"), Labels)
    classes = read_table(Path("data/labels/classes.parquet"), Classes)
    assert classes["name"].tolist() == ["ball", "fish", "mushroom", "house", "flower", "bottle"]
    assert (images["split"] == "train").sum() == metrics["train_images"] == 8
    assert set(labels["image_id"]) == set(images["image_id"])
    assert set(labels["class_id"]) <= set(classes["class_id"])
    for row in images.to_dict("records"):
        assert read_rgb(Path("data/images") / row["file_name"]).shape == (row["height"], row["width"], 3)
    for split in ("train", "val"):
        truth = COCO(f"data/ground_truth/{split}.json")
        assert sorted(truth.imgs) == images["image_id"][images["split"] == split].tolist()
        assert len(truth.anns) == metrics[f"instances_{split}"]
        for annotation in truth.anns.values():
            assert int(truth.annToMask(annotation).sum()) == annotation["area"]
        named = {(a["image_id"], a["category_id"]) for a in truth.anns.values()}
        assert named == set(labels[labels["image_id"].isin(list(truth.imgs))].itertuples(index=False, name=None))


def test_corrected_labels_take_the_place_of_the_data_sets(capsys: pytest.CaptureFixture[str]) -> None:
    without = prepare()
    before, files = read_table(Path("data/labels/labels.parquet"), Labels), written()
    name = read_table(Path("data/images/images.parquet"), Images)["file_name"].iloc[0]
    shown = before[before["image_id"] == before["image_id"].iloc[0]]["class_id"].tolist()
    names = {1: "ball", 2: "fish", 3: "mushroom", 4: "house", 5: "flower", 6: "bottle"}
    added = next(class_id for class_id in names if class_id not in shown)
    write_label_decisions(
        HERE.label_decisions,
        [
            LabelDecision(name, names[added], "added"),
            LabelDecision(name, names[shown[0]], "removed"),
            LabelDecision("train/none.jpg", "ball", "added"),
        ],
    )
    metrics = prepare()
    after = read_table(Path("data/labels/labels.parquet"), Labels)
    assert after[after["image_id"] == 1]["class_id"].tolist() == sorted({*shown[1:], added})
    assert metrics["labels_corrected"] == {"added": 1, "removed": 1, "without_effect": 1}
    assert "labels_corrected" not in without
    assert "have no effect, since the data set has no such image: ball in train/none.jpg" in capsys.readouterr().err
    changed = {path for path, data in written().items() if files.get(path) != data}
    assert changed == {"data/labels/labels.parquet", "data/decisions/labels.csv"}


def test_the_same_bytes_with_one_worker_and_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    first = written()
    monkeypatch.setenv("EMPASTE_WORKERS", "2")
    prepare()
    assert written() == first
    assert len(first) == 8 + 4 + 6


@pytest.mark.parametrize(("dataset", "write"), [("coco", write_coco), ("voc", write_voc)])
def test_data_sets_with_masks(tmp_path: Path, dataset: str, write: Any) -> None:
    metrics = prepare(dataset=dataset, root=str(write(tmp_path / "set")))
    assert metrics["train_images"] == 2
    assert metrics["instances_train"] == {"coco": 3, "voc": 2}[dataset]
    assert metrics["instances_val"] == 1
    crowds = [a["iscrowd"] for a in json.loads(Path("data/ground_truth/train.json").read_text())["annotations"]]
    assert crowds == {"coco": [0, 1, 0], "voc": [0, 0]}[dataset]


def test_a_folder_without_masks_has_empty_ground_truth() -> None:
    write_folder(Path("photos"), ROWS)
    metrics = prepare(dataset="folder", root="photos")
    assert metrics["instances_train"] is None
    assert metrics["images_per_class"] == {"cat": 2, "dog": 1}
    truth = json.loads(Path("data/ground_truth/val.json").read_text())
    assert truth["annotations"] == []
    assert [row["id"] for row in truth["images"]] == [3]


def test_a_relative_root_is_below_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "main" / "photos", ROWS)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert prepare(dataset="folder", root="photos")["train_images"] == 2


def test_images_shrink_with_their_ground_truth(tmp_path: Path) -> None:
    write_coco(tmp_path / "set")
    prepare(dataset="coco", root="set", max_side=20)
    truth = json.loads(Path("data/ground_truth/train.json").read_text())
    assert {(row["height"], row["width"]) for row in truth["images"]} == {(15, 20)}
    assert truth["annotations"][1]["segmentation"]["size"] == [15, 20]
    assert truth["annotations"][1]["area"] == 75


def test_a_limit_takes_some_images_by_seed() -> None:
    write_folder(Path("photos"), [f"{n:02}.jpg,cat,{'train' if n < 12 else 'val'}" for n in range(20)])
    metrics = prepare(dataset="folder", root="photos", max_train=5, max_val=2)
    assert (metrics["train_images"], metrics["val_images"]) == (5, 2)
    first = written()
    prepare(dataset="folder", root="photos", max_train=5, max_val=2)
    assert written() == first
    prepare(dataset="folder", root="photos", max_train=5, max_val=2, seed=1)
    assert written().keys() != first.keys()


def test_warnings_and_counts_reach_the_user(capsys: pytest.CaptureFixture[str]) -> None:
    root = write_coco(Path("set"))
    path = root / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"].pop()
    path.write_text(json.dumps(content))
    assert prepare(dataset="coco", root="set")["images_without_label"] == 1
    assert "WARNING" in capsys.readouterr().err


def test_all_broken_images_are_named_and_earlier_outputs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    root = write_folder(Path("photos"), [f"{n}.jpg,cat,{'train' if n < 8 else 'val'}" for n in range(10)])
    prepare(dataset="folder", root="photos")
    before, metrics = written(), Path("metrics/prepare.json").read_bytes()
    for number in (1, 4):
        (root / "images" / f"{number}.jpg").write_bytes(b"")
    for number in (2, 9):
        (root / "images" / f"{number}.jpg").write_bytes(b"no image")
    with pytest.raises(typer.Exit) as ended:
        prepare(dataset="folder", root="photos")
    assert ended.value.exit_code == 1
    message = capsys.readouterr().err
    assert all(f"images/{number}.jpg" in message for number in (1, 2, 4, 9))
    assert "0 bytes" in message
    assert "Traceback" not in message
    assert written() == before
    assert Path("metrics/prepare.json").read_bytes() == metrics
    assert {path.name for path in Path("data").iterdir()} == {"images", "labels", "originals", "ground_truth"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "folder", "root": "nowhere"}, "prepare.root is 'nowhere', which is missing"),
        ({"dataset": "voc", "root": "."}, "is no VOC devkit"),
        ({"dataset": "coco", "root": "."}, "holds no annotations of the split train"),
        ({"dataset": "coco"}, "root is null"),
        ({"dataset": "imagenet"}, "choose from"),
    ],
)
def test_bad_settings_end_with_one_message(
    changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        prepare(**changes)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not Path("data").exists()


def test_rotated_gray_and_tiny_photographs_come_out_normal() -> None:
    root = write_folder(Path("photos"), [f"{n}.jpg,cat,{'train' if n < 3 else 'val'}" for n in range(4)])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(root / "images" / "0.jpg", exif=exif)
    Image.new("L", (10, 12)).save(root / "images" / "1.jpg")
    Image.new("CMYK", (1, 1)).save(root / "images" / "2.jpg")
    prepare(dataset="folder", root="photos")
    images = read_table(Path("data/images/images.parquet"), Images)
    assert images[["height", "width"]].to_numpy().tolist()[:3] == [[40, 30], [12, 10], [1, 1]]
    kept = Path("data/images/val/3.jpg").read_bytes()
    assert kept == (root / "images" / "3.jpg").read_bytes()
    for name in images["file_name"]:
        with Image.open(Path("data/images") / name) as image:
            assert image.mode == "RGB"
            assert image.format == "JPEG"


def histogram() -> list[list[Any]]:
    return pd.read_csv("plots/prepare.csv").to_numpy().tolist()


def test_without_a_long_tail_the_histogram_is_the_data_sets() -> None:
    metrics = prepare()
    assert metrics["long_tail"] is None
    assert {name: count for name, _, count in histogram()} == metrics["images_per_class"]
    assert all(available == images for _, available, images in histogram())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_long_tail_of_the_demo(workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", workers)
    tail = {"max_size": 8, "min_size": 2, "shape": 6.0}
    whole = prepare(num_train=80)
    metrics = prepare(num_train=80, long_tail=tail)
    assert metrics["long_tail"]["available"] == {name: count for name, count, _ in histogram()}
    assert metrics["long_tail"]["available"] == whole["images_per_class"]
    assert list(metrics["long_tail"]["wanted"].values()) == [8, 6, 4, 3, 3, 2]
    assert metrics["long_tail"]["wanted"] == metrics["images_per_class"] == {name: n for name, _, n in histogram()}
    images = read_table(Path("data/images/images.parquet"), Images)
    assert (images["split"] == "train").sum() == metrics["train_images"] < 80
    assert (images["split"] == "val").sum() == 4
    assert len(list(Path("data/images/train").iterdir())) == metrics["train_images"]
    truth = json.loads(Path("data/ground_truth/train.json").read_text())
    assert len(truth["images"]) == metrics["train_images"]


def test_a_long_tail_of_a_folder_counts_labels_and_needs_no_masks() -> None:
    rows = [f"{n}.jpg,{'cat' if n < 6 else 'dog'},{'train' if n < 10 else 'val'}" for n in range(12)]
    write_folder(Path("photos"), rows)
    metrics = prepare(dataset="folder", root="photos", long_tail={"max_size": 5, "min_size": 1, "shape": 2.0})
    assert metrics["images_per_class"] == {"cat": 5, "dog": 1}
    assert metrics["instances_train"] is None
    assert histogram() == [["cat", 6, 5], ["dog", 4, 1]]


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ({"max_size": 9}, "prepare.long_tail.max_size is 9, by which"),
        ({"max_size": 3, "min_size": 4}, "prepare.long_tail.min_size is 4, more than long_tail.max_size, 3; lower it"),
        ({"max_size": 3, "shape": 0.0}, "prepare.long_tail.shape is 0.0"),
        ({"max_size": -1}, "prepare.long_tail.max_size is -1"),
        ({"max_size": 3, "min_size": 0}, "prepare.long_tail.min_size is 0"),
        ({"maxsize": 3}, "prepare.long_tail.maxsize is 3, but there is no such parameter; did you mean max_size?"),
    ],
)
def test_a_long_tail_that_cannot_be_is_refused(
    tail: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        prepare(long_tail={"max_size": 0, "min_size": 1, "shape": 6.0} | tail)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not Path("data").exists()


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare()
    outputs = [Path(path) for path in written()]
    assert len(outputs) == 12 + 6
    assert_goes_on(main, outputs, empaste.datasets.writing, monkeypatch)


def test_a_changed_file_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(Path("raw"), ROWS)
    interruption = Interruption(empaste.datasets.writing, monkeypatch)
    interruption.left = 1
    with pytest.raises(KeyboardInterrupt):
        prepare(dataset="folder", root="raw")
    file = min(path for path in Path("raw/images").rglob("*") if path.is_file())
    os.utime(file, ns=(1, 1))
    interruption.left = -1
    prepare(dataset="folder", root="raw")
    assert interruption.asked[0] == interruption.asked[1]
