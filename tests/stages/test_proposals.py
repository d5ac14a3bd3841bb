"""The proposals stage on two small images."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import typer
import yaml

import empaste.proposals.data_set
from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.images import write_rgb
from empaste.masks import encode_mask
from stages.proposals import main
from tests.proposals.tiny_salience import RAW, save_redness
from tests.stages.interrupting import assert_goes_on

CLASSES = pd.DataFrame({"class_id": [1], "name": ["ball"], "supercategory": ["sports"]})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten images with one red square each, one of them for validation; masks of the training images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    images = pd.DataFrame(
        {
            "image_id": range(1, 11),
            "split": ["train"] * 9 + ["val"],
            "file_name": [f"{number}.png" for number in range(1, 11)],
            "height": 40,
            "width": 48,
        }
    )
    write_table(images, Path("data/images/images.parquet"), Images)
    annotations = []
    for number in range(1, 11):
        mask = np.zeros((40, 48), np.uint8)
        cv2.rectangle(mask, (number + 4, 8), (number + 20, 26), 1, -1)
        write_rgb(
            Path(f"data/images/{number}.png"), np.where(mask[..., None] > 0, (210, 40, 40), (60, 120, 90)).astype("u1")
        )
        if number < 10:
            annotations.append(instance(number, number, 1, encode_mask(mask > 0)))
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(images, CLASSES, annotations, "test"))
    return tmp_path


@pytest.mark.usefixtures("workspace")
def test_segments_of_training_images_and_their_recall() -> None:
    main()
    segments = read_table(Path("data/segments/segments.parquet"), Segments)
    assert set(segments["image_id"]) == set(range(1, 10))
    metrics = json.loads(Path("metrics/proposals.json").read_text())
    assert metrics["recall50"] == metrics["recall70"] == 100
    assert metrics["segments_per_image"] == round(len(segments) / 9, 2)
    assert metrics["images_without_segments"] == 0


@pytest.mark.usefixtures("workspace")
def test_an_image_without_segments_is_counted_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_rgb(Path("data/images/3.png"), np.full((40, 48, 3), 90, np.uint8))
    main()
    assert json.loads(Path("metrics/proposals.json").read_text())["images_without_segments"] == 1
    assert "1 of 9 images have no segment and give no foreground" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_bytes_do_not_depend_on_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = []
    for workers in ("1", "2"):
        monkeypatch.setenv("EMPASTE_WORKERS", workers)
        main()
        outputs.append([Path(p).read_bytes() for p in ("data/segments/segments.parquet", "metrics/proposals.json")])
    assert outputs[0] == outputs[1]


@pytest.mark.usefixtures("workspace")
def test_no_ground_truth_leaves_recall_unmeasured() -> None:
    images = read_table(Path("data/images/images.parquet"), Images)
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(images, CLASSES, [], "test"))
    main()
    assert json.loads(Path("metrics/proposals.json").read_text())["recall50"] is None


@pytest.mark.usefixtures("workspace")
def test_broken_image_is_named_and_earlier_segments_stay(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    before = Path("data/segments/segments.parquet").read_bytes()
    Path("data/images/4.png").write_bytes(b"no image")
    with pytest.raises(typer.Exit):
        main()
    assert "data/images/4.png is not a readable image" in capsys.readouterr().err
    assert Path("data/segments/segments.parquet").read_bytes() == before


def join_cutout(folder: Path) -> None:
    """Join the shipped method with a network that marks what is red."""
    content = yaml.safe_load(Path("params.yaml").read_text())
    own = content["proposals"]
    own["method"] = "joined"
    own["cutout"] |= RAW | {
        "model": str(save_redness(folder / "red.onnx", after=["Relu"])),
        "input_size": 48,
        "num_threads": 1,
    }
    Path("params.yaml").write_text(yaml.safe_dump(content))


def test_joined_methods_are_counted_and_their_supervision_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Image 3 shows a blue square, in which the network sees nothing."""
    join_cutout(workspace)
    blue = np.full((40, 48, 3), (60, 120, 90), np.uint8)
    blue[8:27, 7:24] = (40, 60, 210)
    write_rgb(Path("data/images/3.png"), blue)
    outputs = []
    for _ in range(2):
        main()
        outputs.append([Path(p).read_bytes() for p in ("data/segments/segments.parquet", "metrics/proposals.json")])
    assert outputs[0] == outputs[1]
    metrics = json.loads(Path("metrics/proposals.json").read_text())
    assert metrics["images_without_cutout"] == 1
    assert metrics["images_without_entity_like"] == metrics["images_without_segments"] == 0
    assert metrics["recall70"] == 100
    said = capsys.readouterr().err
    assert "joined learned from " in said
    assert "entity_like: nothing" in said
    assert "cutout: masks (of salient objects" in said
    assert "cutout found no segment in 1 of 9 images" in said


def test_a_map_of_nan_ends_the_stage_and_names_the_image(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    join_cutout(workspace)
    save_redness(workspace / "red.onnx", after=["Log"])
    with pytest.raises(typer.Exit):
        main()
    said = capsys.readouterr().err
    assert "cutout, which proposals.joined.methods lists: " in said
    assert "gives 1.png NaN or infinity in" in said


@pytest.mark.usefixtures("workspace")
def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = [Path("data/segments/segments.parquet"), Path("metrics/proposals.json")]
    assert_goes_on(main, outputs, empaste.proposals.data_set, monkeypatch)
