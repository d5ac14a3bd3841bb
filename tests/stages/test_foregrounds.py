"""The foregrounds stage on a small world of files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from empaste.artifacts.arrays import write_array
from empaste.artifacts.chosen_masks import DECIDED, read_by_hand
from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.foreground_decisions import ForegroundDecision, write_foreground_decisions
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.layout import HERE
from empaste.masks import encode_mask
from stages.foregrounds import main

IMAGES = pd.DataFrame(
    {"image_id": range(1, 7), "file_name": [f"{i}.png" for i in range(1, 7)], "height": 20, "width": 30}
)
CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["sports", "animal"]})


def square(x: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[5:9, x : x + 4] = True
    return mask


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six images with a ball at the left and another thing at the right; no image shows a fish."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    box = {"y": 5, "box_width": 4, "box_height": 4, "area": 16, "height": 20, "width": 30, "score": 0.5}
    rows = [
        {"segment_id": 2 * i + k, "image_id": i + 1, "counts": encode_mask(square(x))["counts"], "x": x} | box
        for i in range(6)
        for k, x in enumerate((3, 20))
    ]
    columns = list(Segments.to_schema().columns)
    write_table(pd.DataFrame(rows)[columns], Path("data/segments/segments.parquet"), Segments)
    write_table(CLASSES, Path("data/labels/classes.parquet"), Classes)
    images = IMAGES.assign(split="train")[list(Images.to_schema().columns)]
    write_table(images, Path("data/images/images.parquet"), Images)
    cams = {"class_id": 1, "prob": 0.9, "centre_x": 4.5, "centre_y": 6.5, "cam_empty": False}
    write_table(pd.DataFrame([{"image_id": i} | cams for i in range(1, 7)]), Path("data/cams/cams.parquet"), Cams)
    phi = np.tile(np.array([[1, 0, 0], [0, 1, 0]], np.float32), (6, 1))
    write_array(Path("data/features/phi.npy"), phi + np.random.default_rng(0).normal(0, 0.1, (12, 3)).astype("f4"))
    write_array(Path("data/features/probs.npy"), np.tile(np.array([[0.9, 0], [0.1, 0]], np.float32), (6, 1)))
    number = np.arange(12)
    terms = dict.fromkeys(Evidence.to_schema().columns, 0.2)
    told = {"image_id": 1 + number // 2, "class_id": 1, "segment_id": number, "judged": True, "score": 1.0 - number % 2}
    write_table(pd.DataFrame(terms | told, index=number), Path("data/evidence/evidence.parquet"), Evidence)
    annotations = [instance(i, i, 1, encode_mask(square(3))) for i in range(1, 7)]
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(IMAGES, CLASSES, annotations, "test"))


@pytest.mark.usefixtures("workspace")
def test_every_iteration_is_written_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    names = [*(f"iter_{step}" for step in range(4)), "pool"]
    assert {path.stem for path in Path("data/foregrounds").iterdir()} == set(names)
    for name in names:
        table = read_table(Path(f"data/foregrounds/{name}.parquet"), Foregrounds)
        assert table["segment_id"].tolist() == [0, 2, 4, 6, 8, 10]
    metrics = json.loads(Path("metrics/foregrounds.json").read_text())
    assert metrics["precision50"] == dict.fromkeys(names, 100.0)
    assert metrics["masks_per_class"] == {"ball": 6, "fish": 0}
    assert "no foreground of fish was found" in capsys.readouterr().err
    curve = pd.read_csv("plots/foregrounds_reliability.csv")
    assert curve[["precision", "foregrounds"]].to_numpy().tolist() == [[100, 6]]


@pytest.mark.usefixtures("workspace")
def test_same_bytes_twice() -> None:
    outputs = []
    for _ in range(2):
        main()
        outputs.append({path.name: path.read_bytes() for path in Path("data/foregrounds").iterdir()})
    assert outputs[0] == outputs[1]


def set_parameter(key: str, value: Any) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["foregrounds"][key] = value
    Path("params.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.usefixtures("workspace")
def test_evidence_is_read_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("data/evidence")
    for key, value in (("initial", "crop"), ("evidence_weight", 0.0)):
        set_parameter(key, value)
    main()
    set_parameter("evidence_weight", 1.0)
    with pytest.raises(typer.Exit):
        main()
    assert "data/evidence/evidence.parquet does not exist; run: dvc repro" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_step_one_that_cannot_work_on_the_proposals_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    table = read_table(Path("data/segments/segments.parquet"), Segments)
    write_table(table.assign(area=600), Path("data/segments/segments.parquet"), Segments)
    set_parameter("initial", "published")
    set_parameter("num_nearest", 1)
    main()
    assert "foregrounds: 2.0 segments lie over the average pixel, so the 1 nearest" in capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_features_out_of_step_with_segments(capsys: pytest.CaptureFixture[str]) -> None:
    write_array(Path("data/features/phi.npy"), np.zeros((11, 3), np.float32))
    with pytest.raises(typer.Exit):
        main()
    message = capsys.readouterr().err
    assert "data/features/phi.npy holds 11 rows, data/segments 12; run: dvc repro features" in message
    assert not Path("data/foregrounds").exists()


@pytest.mark.usefixtures("workspace")
def test_a_persons_decisions_are_obeyed_counted_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    left, right, drawn = (encode_mask(square(x)) for x in (3, 20, 4))
    decisions = [
        ForegroundDecision("1.png", "ball", "keep", right),
        ForegroundDecision("2.png", "ball", "reject", left),
        ForegroundDecision("3.png", "ball", "mend", right, drawn),
        ForegroundDecision("4.png", "fish", "keep", left),
        ForegroundDecision("7.png", "ball", "keep", left),
        ForegroundDecision("8.png", "ball", "keep", left),
        *(ForegroundDecision("5.png", "ball", "reject", mask) for mask in (left, right)),
    ]
    write_foreground_decisions(HERE.foreground_decisions, decisions)
    main()
    pool = read_table(Path("data/foregrounds/pool.parquet"), Foregrounds).set_index("image_id")
    assert pool["segment_id"].to_dict() == {1: 1, 2: 3, 3: 12, 4: 6, 6: 10}
    assert read_by_hand(HERE.foregrounds) is not None
    held = read_table(HERE.foregrounds / DECIDED, Foregrounds)
    assert dict(zip(held["image_id"], held["segment_id"], strict=True)) == {1: 1, 3: 12}
    metrics = json.loads(Path("metrics/foregrounds.json").read_text())
    assert metrics["decisions"] == {"kept": 1, "rejected": 3, "mended": 1, "gone": 3, "nothing_left": 1}
    assert metrics["masks_per_class"] == {"ball": 5, "fish": 0}
    assert metrics["precision50"]["pool"] == 60.0
    said = capsys.readouterr().err
    assert "2 decisions are on foregrounds that are gone, since their image is no training image of data/images" in said
    assert "1 decisions are on foregrounds that are gone, since the image's labels do not name the class: fish" in said


@pytest.mark.usefixtures("workspace")
def test_a_file_without_decisions_changes_no_byte() -> None:
    outputs = []
    for decisions in ((), ("empty",)):
        if decisions:
            write_foreground_decisions(HERE.foreground_decisions, [])
        main()
        files = [*sorted(Path("data/foregrounds").iterdir()), Path("metrics/foregrounds.json")]
        outputs.append({str(path): path.read_bytes() for path in files})
    assert outputs[0] == outputs[1]


@pytest.mark.usefixtures("workspace")
def test_a_file_of_decisions_that_is_none_leaves_earlier_foregrounds(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    HERE.foreground_decisions.parent.mkdir()
    HERE.foreground_decisions.write_text('{"foregrounds": [{"image": "1.png"}]}')
    with pytest.raises(typer.Exit):
        main()
    assert (
        "foregrounds.json: foregrounds[0].decision is None; choose from keep, reject, mend" in capsys.readouterr().err
    )
    assert Path("data/foregrounds/pool.parquet").exists()
