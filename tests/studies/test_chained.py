"""Rows that paste what another row's detector outlines: the file between them, and what stops them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste import pseudo_labels, studies
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import write_table
from empaste.detectors.detecting import Detect, DetectSettings
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.layout import HERE
from empaste.masks import encode_mask
from empaste.studies import Request
from empaste.studies.chained import label_images
from empaste.studies.experiments import Experiment
from empaste.studies.plan import Task, make_plan
from empaste.studies.running import Found, Runner
from tests.studies.studies import CONTENT, TOP, write_study

HOW = {"batch_size": 1, "num_threads": 1, "device": "cpu", "min_score": 0.1}


def experiment(name: str, state: Any = "finished") -> Experiment:
    return Experiment(name, "0123456789abcdef", "head", state, {"evaluate": HOW}, {}, None, None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment whose detector finds a cat in either of two training images; the workspace has other data."""
    there = HERE.below(tmp_path / "experiment")
    images = pd.DataFrame(
        {"image_id": [1, 2], "split": "train", "file_name": ["train/1.png", "train/2.png"], "height": 20, "width": 30}
    )
    write_table(images, there.images / "images.parquet", Images)
    (there.images / "train").mkdir()
    for name in images["file_name"]:
        write_rgb(there.images / name, np.zeros((20, 30, 3), np.uint8))
    classes = pd.DataFrame({"class_id": [3], "name": ["cat"], "supercategory": ["animal"]})
    write_table(classes, there.labels / "classes.parquet", Classes)
    write_table(pd.DataFrame({"image_id": [1, 2], "class_id": 3}), there.labels / "labels.parquet", Labels)
    there.detector.mkdir(parents=True)
    config = {"backend": "decided", "classes": [{"id": 3, "name": "cat"}], "score": 0.9}
    (there.detector / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(pseudo_labels, "load_detector", load_decided)
    monkeypatch.setattr("dvc.api.DVCFileSystem", lambda rev: Files(tmp_path / "experiment", rev))
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path


class Files:
    """DVC's files of one commit."""

    def __init__(self, folder: Path, rev: str) -> None:
        assert rev == "0123456789abcdef"
        self.folder = folder

    def isdir(self, path: str) -> bool:
        return (self.folder / path).is_dir()

    def get(self, path: str, copy: str, recursive: bool) -> None:
        assert recursive
        shutil.copytree(self.folder / path, copy)


def load_decided(model: Path, settings: DetectSettings) -> Detect:
    score = json.loads((model / "config.json").read_text())["score"]
    rle = encode_mask(np.ones((20, 30), bool))
    row: DetectedInstance = {"category_id": 3, "bbox": [0, 0, 1, 1], "score": score, "segmentation": rle}
    return lambda images: [[row] if score >= settings.min_score else [] for _ in images]


def test_the_detector_of_the_experiment_outlines_the_experiments_images(folder: Path) -> None:
    file = label_images(experiment("self_training-first-0"), HOW)
    assert file == Path("pseudo_labels/self_training-first-0-0123456789ab.json")
    assert [row["score"] for row in read_coco(file)["annotations"]] == [0.9, 0.9]
    shutil.rmtree(folder / "experiment")
    assert label_images(experiment("self_training-first-0"), HOW) == file  # it is kept


def test_a_detector_that_is_sure_of_nothing_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIN_SCORE", "MIN_BEST"):
        monkeypatch.setattr(f"empaste.studies.chained.{name}", 0.95)
    with pytest.raises(InputError, match=r"finds nothing in the 2 training images .*; lower --min-best"):
        label_images(experiment("self_training-first-0"), HOW)
    assert not list((folder / "workspace").rglob("*.json"))


@dataclass(frozen=True)
class FakeRunner(Runner):
    """Every task ends as it is told to."""

    failing: Sequence[str] = ()
    ran: list[Task] = field(default_factory=list)

    def run(self, tasks: Sequence[Task]) -> Found:
        self.ran.extend(tasks)
        return self.find(tasks)

    def find(self, tasks: Sequence[Task]) -> Found:
        names = [task.experiment for task in tasks]
        return {name: experiment(name, "failed" if name in self.failing else "finished") for name in names}


@pytest.mark.usefixtures("folder")
def test_rows_stand_on_the_same_seed_and_wait_for_it() -> None:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(TOP / name, ".")
    rows = {"second": {"title": "x", "pseudo_labels_of": "few"}, **CONTENT["rows"]}
    write_study(Path(), rows=rows)
    plan = make_plan(Request("numbers", seeds=2))
    runner = FakeRunner(plan, 1, failing=["numbers-few-1"])
    tasks, blocked = studies._run_waves(plan, runner)
    assert [task.experiment for task in runner.ran] == [
        "numbers-few-0", "numbers-few-1", "numbers-many-0", "numbers-many-1", "numbers-second-0",
    ]  # fmt: skip
    pasted = runner.ran[-1].params["paste"]
    assert pasted["foregrounds"] == "file"
    assert pasted["foregrounds_file"] == "pseudo_labels/numbers-few-0-0123456789ab.json"
    assert blocked == {"numbers-second-1": "it stands on numbers-few-1, which is not finished"}
    assert len(tasks) == 6
