"""The evaluate stage on a detector that the test decides."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import typer

import stages.evaluate
from empaste.artifacts.coco import box_instance, coco_dataset, instance, write_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import write_table
from empaste.detectors.detecting import Detect, DetectSettings
from empaste.detectors.rescoring import SecondOpinion
from empaste.images import write_rgb
from empaste.masks import encode_mask
from stages.evaluate import main

TOP = Path(__file__).parents[2]
MASK = np.zeros((40, 50), bool)
MASK[5:25, 10:30] = True
ANSWER = {"category_id": 1, "bbox": [10.0, 5.0, 20.0, 20.0], "score": 0.9, "segmentation": encode_mask(MASK)}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Image 1 trains, images 2 and 3 validate; both hold the mask."""
    rows = [(1, "train", "train/1.jpg"), (2, "val", "val/2.jpg"), (3, "val", "val/3.jpg")]
    images = pd.DataFrame(rows, columns=["image_id", "split", "file_name"]).assign(height=40, width=50)
    write_table(images, tmp_path / "data/images/images.parquet", Images)
    for name in images["file_name"]:
        (tmp_path / "data/images" / name).parent.mkdir(exist_ok=True)
        write_rgb(tmp_path / "data/images" / name, np.zeros((40, 50, 3), np.uint8))
    classes = pd.DataFrame({"class_id": [1, 2], "name": ["cat", "dog"], "supercategory": ["animal", "animal"]})
    annotations = [instance(image_id, image_id, 1, encode_mask(MASK)) for image_id in (2, 3)]
    write_coco(tmp_path / "data/ground_truth/val.json", coco_dataset(images[1:], classes, annotations, "test"))
    (tmp_path / "models/mask_rcnn").mkdir(parents=True)
    (tmp_path / "models/mask_rcnn/config.json").write_text(
        json.dumps({"backend": "decided", "classes": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]})
    )
    (tmp_path / "params.yaml").write_text((TOP / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], list[Any]]:
    """Let the detector give the results that the test wants; what it was asked is kept in the list returned."""

    def patch(results: list[dict[str, Any]]) -> list[Any]:
        asked: list[Any] = []

        def load(model: Path, settings: DetectSettings) -> Detect:
            asked.append((model, settings))
            image_ids = itertools.count(2)  # images are asked for in the order of their ids
            return lambda images: [answer(next(image_ids)) for _ in images]

        def answer(image_id: int) -> list[DetectedInstance]:
            rows = [
                {key: value for key, value in row.items() if key != "image_id"}
                for row in results
                if row["image_id"] == image_id
            ]
            return cast(list[DetectedInstance], rows)

        monkeypatch.setattr(stages.evaluate, "load_detector", load)
        return asked

    return patch


@pytest.mark.usefixtures("workspace")
def test_detections_metrics_and_curves_are_written(decide: Callable[..., Any]) -> None:
    results = [ANSWER | {"image_id": image_id} for image_id in (2, 3)]
    asked = decide(results)
    main()
    ((model, settings),) = asked
    assert model == Path("models/mask_rcnn")
    assert settings == DetectSettings(0.05, 100, batch_size=8, num_threads=2, device="auto")
    assert json.loads(Path("data/detections/val.json").read_text()) == results
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    assert metrics["mask"]["AP50"] == metrics["box"]["AP75"] == 100
    assert metrics["mask"]["AP50_per_class"] == {"cat": 100, "dog": None}
    curves = pd.read_csv("plots/precision_recall.csv")
    assert list(curves.columns) == ["class_name", "recall", "precision"]
    assert len(curves) == 101
    assert set(curves["class_name"]) == {"cat"}
    pairs = pd.read_csv("plots/confusion.csv")
    assert pairs.to_numpy().tolist() == [[2, "cat", "cat"], [3, "cat", "cat"]]


def test_the_classifier_is_asked_where_it_has_a_weight(workspace: Path, decide: Callable[..., Any]) -> None:
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("classifier_weight: 0.0", "classifier_weight: 0.3"))
    asked = decide([])
    main()
    ((_, settings),) = asked
    assert settings.opinion == SecondOpinion(Path("models/classifier"), 0.3)


def test_the_protocol_is_a_parameter(workspace: Path, decide: Callable[..., Any]) -> None:
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("protocol: coco", "protocol: voc"))
    decide([ANSWER | {"image_id": 2}])
    main()
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    assert metrics["mask"]["AP50"] == metrics["mask"]["APvol"] == 50


@pytest.mark.usefixtures("workspace")
def test_no_detection_is_written_too(decide: Callable[..., Any]) -> None:
    decide([])
    main()
    assert json.loads(Path("data/detections/val.json").read_text()) == []
    assert json.loads(Path("metrics/evaluate.json").read_text())["mask"]["AP"] == 0


def test_without_ground_truth_the_detections_are_written_and_ap_is_none(
    workspace: Path, decide: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = workspace / "data/ground_truth/val.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"annotations": []}))
    decide([ANSWER | {"image_id": 2}])
    main()
    assert len(json.loads(Path("data/detections/val.json").read_text())) == 1
    assert json.loads(Path("metrics/evaluate.json").read_text())["mask"]["AP"] is None
    assert Path("plots/precision_recall.csv").read_text() == "class_name,recall,precision\n"
    assert Path("plots/confusion.csv").read_text() == "image_id,actual,predicted\n2,,cat\n"
    assert "val.json holds no instance" in capsys.readouterr().err


def test_boxes_alone_give_box_ap_and_no_mask_ap(
    workspace: Path, decide: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = workspace / "data/ground_truth/val.json"
    truth = json.loads(path.read_text())
    truth["annotations"] = [box_instance(image_id, image_id, 1, (10, 5, 20, 20), (40, 50), 0) for image_id in (2, 3)]
    path.write_text(json.dumps(truth))
    decide([ANSWER | {"image_id": image_id} for image_id in (2, 3)])
    main()
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    assert (metrics["mask"]["AP"], metrics["box"]["AP"]) == (None, 100)
    assert Path("plots/confusion.csv").read_text() == "image_id,actual,predicted\n"
    said = capsys.readouterr()
    assert "val.json holds boxes alone: box AP is measured, mask AP is not" in said.err
    assert not said.out


@pytest.mark.usefixtures("workspace")
def test_a_class_that_the_ground_truth_lacks_ends_with_a_message(
    decide: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    decide([ANSWER | {"image_id": 2, "category_id": 8}])
    with pytest.raises(typer.Exit):
        main()
    assert "category_id 8" in capsys.readouterr().err
    assert not Path("data/detections").exists()


@pytest.mark.parametrize("classes", [[{"id": 1, "name": "cat"}], [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]])
def test_a_detector_of_other_classes_ends_with_a_message(
    workspace: Path, capsys: pytest.CaptureFixture[str], classes: list[dict[str, Any]]
) -> None:
    config = {"backend": "torchvision", "classes": classes}
    (workspace / "models/mask_rcnn/config.json").write_text(json.dumps(config))
    with pytest.raises(typer.Exit):
        main()
    told = capsys.readouterr().err
    assert f"models/mask_rcnn knows the classes 1 {classes[0]['name']}" in told
    assert "val.json has 1 cat, 2 dog; give the detector that was trained on these, or run: dvc repro train" in told
