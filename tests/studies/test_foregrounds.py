"""The study of F-EM on a small world in which the right choice is known: what it measures, keeps and prints."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from empaste.artifacts.arrays import write_array
from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.masks import encode_mask
from empaste.studies import foregrounds, run_study
from empaste.studies.foregrounds import BEST, ROWS, UPSTREAM, parse_parts, study_foregrounds
from empaste.studies.running import Workspace

TOP = Path(__file__).parents[2]
NUM_IMAGES = 8
FEW = {"as in params.yaml": {}, "initial crop, weight 0": {"initial": "crop", "evidence_weight": 0.0}}


def square(x: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[5:9, x : x + 4] = True
    return mask


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight images with a ball at the left and another thing at the right; the upstream stages have run for two seeds.

    The evidence is right everywhere, the crops are wrong in images 1 and 2; what the second seed sees is no help.
    """
    root = tmp_path / "repository"
    ids = range(1, NUM_IMAGES + 1)
    images = pd.DataFrame(
        {
            "image_id": ids,
            "split": "train",
            "file_name": [f"train/{'ab'[i > 4]}{i}.png" for i in ids],
            "height": 20,
            "width": 30,
        }
    )
    classes = pd.DataFrame({"class_id": [1], "name": ["ball"], "supercategory": ["sports"]})
    box = {"y": 5, "box_width": 4, "box_height": 4, "area": 16, "height": 20, "width": 30, "score": 0.5}
    rows = [
        {"segment_id": 2 * i + k, "image_id": i + 1, "counts": encode_mask(square(x))["counts"], "x": x} | box
        for i in range(NUM_IMAGES)
        for k, x in enumerate((3, 20))
    ]
    write_table(images, root / "data/images/images.parquet", Images)
    write_table(classes, root / "data/labels/classes.parquet", Classes)
    columns = list(Segments.to_schema().columns)
    write_table(pd.DataFrame(rows)[columns], root / "data/segments/segments.parquet", Segments)
    write_coco(
        root / "data/ground_truth/train.json",
        coco_dataset(images, classes, [instance(i, i, 1, encode_mask(square(3))) for i in ids], "test"),
    )
    (root / "params.yaml").write_text((TOP / "params.yaml").read_text())
    spaces = [Workspace("upstream", seed, tmp_path / f"upstream-{seed}") for seed in (0, 1)]
    for space in spaces:
        write_upstream(space.folder / "data", space.seed)
    monkeypatch.setattr(foregrounds, "run_stages", lambda *_: spaces)
    monkeypatch.setattr(foregrounds, "ROWS", FEW)
    return root


def write_upstream(data: Path, seed: int) -> None:
    cams = {"class_id": 1, "prob": 0.9, "centre_x": 4.5, "centre_y": 6.5, "cam_empty": False}
    ids = range(1, NUM_IMAGES + 1)
    write_table(pd.DataFrame([{"image_id": i} | cams for i in ids]), data / "cams/cams.parquet", Cams)
    phi = np.tile(np.array([[1, 0, 0], [0, 1 - seed, 0]], np.float32), (NUM_IMAGES, 1))
    write_array(data / "features/phi.npy", phi + np.random.default_rng(seed).normal(0, 0.1, phi.shape).astype("f4"))
    probs = np.tile(np.array([[0.9], [0.2]], np.float32), (NUM_IMAGES, 1))
    probs[[1, 3]] = 0.95
    write_array(data / "features/probs.npy", probs)
    number = np.arange(2 * NUM_IMAGES)
    terms = dict.fromkeys(Evidence.to_schema().columns, 0.2)
    told = {"image_id": 1 + number // 2, "class_id": 1, "segment_id": number, "judged": True, "score": 1.0 - number % 2}
    table = pd.DataFrame(terms | told, index=number)
    write_table(table, data / "evidence/evidence.parquet", Evidence)


def test_rows_halves_and_parts(root: Path, tmp_path: Path) -> None:
    text = study_foregrounds([0, 1], tmp_path / "out", 1, {"late": "b*"}, "empaste study", root)
    assert (tmp_path / "out/foregrounds.md").read_text() == text
    frame = pd.read_csv(tmp_path / "out/foregrounds.csv")
    assert set(frame["row"]) == {BEST, *FEW}
    assert set(frame["part"]) == {"all", "late"}
    first = frame[(frame["table"] == "iter_0") & (frame["seed"] == 0)].set_index(["row", "part", "half"])
    assert first["precision50"]["initial crop, weight 0"].to_dict() == {
        ("all", "choose"): 75, ("all", "report"): 75, ("late", "choose"): 100, ("late", "report"): 100,
    }  # fmt: skip
    assert (first["precision50"]["as in params.yaml"] == 100).all()
    assert first["foregrounds"]["as in params.yaml"].to_dict() == {
        ("all", "choose"): 4, ("all", "report"): 4, ("late", "choose"): 2, ("late", "report"): 2,
    }  # fmt: skip
    lines = text.splitlines()
    assert "#### all" in lines
    assert "#### late" in lines
    assert "| | choosing: last iteration | Step 1 | iteration 1 | iteration 2 | iteration 3 | pool |" in lines
    assert f"| {BEST} | – | 100.0 ± 0.0 | – | – | – | – |" in lines
    assert any(line.startswith("| **as in params.yaml** | 100.0 ± 0.0 | 100.0 ± 0.0 |") for line in lines)


def test_a_finished_row_is_not_run_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = study_foregrounds([0, 1], tmp_path / "out", 1, {}, "x", root)
    monkeypatch.setattr(foregrounds, "select_foregrounds", lambda *_, **__: pytest.fail("run again"))
    assert study_foregrounds([0, 1], tmp_path / "out", 1, {}, "x", root) == first
    content = yaml.safe_load((root / "params.yaml").read_text())
    content["foregrounds"]["min_prob"] = 0.3
    (root / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(pytest.fail.Exception, match="run again"):
        study_foregrounds([0, 1], tmp_path / "out", 1, {}, "x", root)


def test_a_part_without_images_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no training image's file name fits 'z\*' of --part voc=z\*"):
        study_foregrounds([0], tmp_path, 1, {"voc": "z*"}, "x", root)


def test_without_masks_there_is_nothing_to_study(root: Path, tmp_path: Path) -> None:
    write_coco(root / "data/ground_truth/train.json", {"images": [], "annotations": [], "categories": []})
    with pytest.raises(InputError, match="has no masks to measure foregrounds with"):
        study_foregrounds([0], tmp_path, 1, {}, "x", root)


def test_parts_as_options() -> None:
    assert parse_parts(["voc=[!1]*", "a=b=c"]) == {"voc": "[!1]*", "a": "b=c"}
    for wrong in ("voc", "=x", "voc=", "all=*"):
        with pytest.raises(InputError, match="write a name"):
            parse_parts([wrong])


def test_other_studies_report_no_parts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="study pseudo_labels evaluates whole detectors and reports no --part"):
        run_study("pseudo_labels", 1, tmp_path, 1, ["a=b"])


@pytest.mark.parametrize("row", ROWS)
def test_every_row_fits_the_shipped_parameters(row: str) -> None:
    base = yaml.safe_load((TOP / "params.yaml").read_text())["foregrounds"]
    assert set(ROWS[row]) <= set(base)
    ForegroundsSettings.model_validate(base | ROWS[row])


def test_what_it_stands_on_fits_the_shipped_pipeline() -> None:
    pipeline = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]
    outs = {out for stage in UPSTREAM.stages for out in pipeline[stage]["outs"]}
    assert {"data/cams", "data/features", "data/evidence"} <= outs
