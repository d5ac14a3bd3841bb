"""The study of self-training on stages that take no time: what its rows stand on, what is made again and printed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from empaste import pseudo_labels
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import write_table
from empaste.detectors.detecting import Detect
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.params import load_params
from empaste.studies import run_study
from empaste.studies.running import override
from empaste.studies.self_training import FIRST, LONGER, SECOND, SEEDED, STAGES, first_round, second_round
from empaste.studies.self_training import study_self_training as study

TOP = Path(__file__).parents[2]
SHIPPED: dict[str, Any] = yaml.safe_load((TOP / "params.yaml").read_text())
PIPELINE = {
    "stages": {
        "prepare": {"deps": ["raw"], "outs": ["data/images", "data/labels"]},
        "paste": {"deps": ["stages/paste.py", "data/images", "data/labels"], "outs": ["data/composites"]},
        "train": {"deps": ["data/composites"], "outs": ["models/mask_rcnn"]},
        "evaluate": {"deps": ["models/mask_rcnn", "data/images"], "outs": ["data/detections"]},
    }
}
PASTE = """
import json, pathlib, yaml
paste = yaml.safe_load(pathlib.Path("params.yaml").read_text())["paste"]
value = paste["seed"]
if paste["foregrounds"] == "file":
    rows = json.loads(pathlib.Path(paste["foregrounds_file"]).read_text())["annotations"]
    value += 1000 * rows[0]["score"]
pathlib.Path("data/composites").mkdir(parents=True, exist_ok=True)
pathlib.Path("data/composites/value").write_text(str(value))
"""
TRAIN = """
import json, pathlib, yaml
train = yaml.safe_load(pathlib.Path("params.yaml").read_text())["train"]
value = float(pathlib.Path("data/composites/value").read_text()) + train["iterations"] / 100
pathlib.Path("models/mask_rcnn").mkdir(parents=True, exist_ok=True)
classes = [{"id": 3, "name": "cat"}]
config = {"backend": "decided", "classes": classes, "score": 0.8 + train["seed"] / 10, "value": value}
pathlib.Path("models/mask_rcnn/config.json").write_text(json.dumps(config))
"""
EVALUATE = """
import json, pathlib
value = json.loads(pathlib.Path("models/mask_rcnn/config.json").read_text())["value"]
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/evaluate.json").write_text(json.dumps({"mask": {"AP50": value, "AP75": None}}))
with open("runs", "a") as stream:
    stream.write("x")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two training images of a cat; the detector of seed s finds it with a score of 0.8 + s / 10."""
    root = tmp_path / "repository"
    params = {name: SHIPPED[name] for name in STAGES} | {"train": SHIPPED["train"] | {"iterations": 500}}
    texts = {"dvc.yaml": yaml.safe_dump(PIPELINE), "params.yaml": yaml.safe_dump(params), "stages/__init__.py": "",
             "stages/paste.py": PASTE, "stages/train.py": TRAIN, "stages/evaluate.py": EVALUATE}  # fmt: skip
    (root / "stages").mkdir(parents=True)
    for name, text in texts.items():
        (root / name).write_text(text)
    images = pd.DataFrame(
        {"image_id": [1, 2], "split": "train", "file_name": ["train/1.png", "train/2.png"], "height": 20, "width": 30}
    )
    write_table(images, root / "data/images/images.parquet", Images)
    (root / "data/images/train").mkdir()
    for name in images["file_name"]:
        write_rgb(root / "data/images" / name, np.zeros((20, 30, 3), np.uint8))
    classes = pd.DataFrame({"class_id": [3], "name": ["cat"], "supercategory": ["animal"]})
    write_table(classes, root / "data/labels/classes.parquet", Classes)
    write_table(pd.DataFrame({"image_id": [1, 2], "class_id": 3}), root / "data/labels/labels.parquet", Labels)
    monkeypatch.setattr(pseudo_labels, "load_detector", load_decided)
    return root


def load_decided(model: Path, *, min_score: float, **_options: Any) -> Detect:
    score = json.loads((model / "config.json").read_text())["score"]
    rle = encode_mask(np.ones((20, 30), bool))
    row: DetectedInstance = {"category_id": 3, "bbox": [0, 0, 1, 1], "score": score, "segmentation": rle}
    return lambda images: [[row] if score >= min_score else [] for _ in images]


def num_runs(folder: Path) -> int:
    return sum(len(file.read_text()) for file in folder.rglob("runs"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_second_round_learns_from_the_first_rounds_own_detections(root: Path, tmp_path: Path, jobs: int) -> None:
    before = sorted(root.rglob("*"))
    text = study(range(2), tmp_path / "out", jobs, "empaste study self_training", root)
    assert (tmp_path / "out/self_training.md").read_text() == text
    # Iterations / 100 + the seed; the second round adds 1000 times the score of its own seed's detector.
    assert text.splitlines()[4:] == [
        "| | mAP50 | mAP75 |",
        "|---|---|---|",
        "| First round | 5.5 ± 0.7 | – |",
        "| First round, trained twice as long | 10.5 ± 0.7 | – |",
        "| Second round: self-training | 855.5 ± 71.4 | – |",
    ]
    files = sorted((tmp_path / "out/self_training").glob("pseudo-labels-*/*/instances.json"))
    assert [read_coco(file)["annotations"][0]["score"] for file in files] == [0.8, 0.9]
    assert [path for path in sorted(root.rglob("*")) if "__pycache__" not in path.parts] == before


def test_what_is_finished_is_not_made_again_and_other_labels_are_another_round(root: Path, tmp_path: Path) -> None:
    first = study([0], tmp_path / "out", 1, "x", root)
    assert num_runs(tmp_path / "out") == 3
    assert study([0], tmp_path / "out", 1, "x", root) == first
    assert num_runs(tmp_path / "out") == 3
    write_table(pd.DataFrame({"image_id": [1], "class_id": 3}), root / "data/labels/labels.parquet", Labels)
    study([0], tmp_path / "out", 1, "x", root)
    assert num_runs(tmp_path / "out") == 6
    assert len(list((tmp_path / "out/self_training").glob("pseudo-labels-0/*/instances.json"))) == 2


def test_a_detector_that_is_sure_of_nothing_ends_the_study_and_keeps_the_first_round(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MIN_SCORE", "MIN_BEST"):
        monkeypatch.setattr(f"empaste.studies.self_training.{name}", 0.95)
    with pytest.raises(
        InputError, match=r"first-round-0/.* finds nothing in the 2 training images .*; lower --min-best"
    ):
        study([0], tmp_path / "out", 1, "x", root)
    assert num_runs(tmp_path / "out") == 2


def test_rows_fit_the_shipped_pipeline_and_parameters(tmp_path: Path) -> None:
    stages = list(yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"])
    assert [name for name in stages if name in STAGES] == list(STAGES)
    first, second = first_round(SHIPPED), second_round({7: tmp_path / "labels.json"})
    assert [*first.rows, *second.rows] == [FIRST, LONGER, SECOND]
    for one in (first, second):
        for changes in one.rows.values():
            changed = override(SHIPPED, {**changes, **one.by_seed.get(7, {}), **dict.fromkeys(SEEDED, 7)})
            (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed))
            settings = load_params(tmp_path / "params.yaml")
            assert settings.paste.foregrounds == ("file" if one is second else "fem")
    assert first.rows[LONGER] == {"train.iterations": 2 * SHIPPED["train"]["iterations"]}


def test_it_is_known_by_name_and_reports_no_parts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="study self_training evaluates whole detectors and reports no --part"):
        run_study("self_training", 3, tmp_path, 1, ["a=b*"])
    with pytest.raises(InputError, match="choose from pseudo_labels, mask_sources, contexts, long_tail, self_training"):
        run_study("self-training", 3, tmp_path, 1)
