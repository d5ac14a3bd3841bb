"""Two hand-made runs side by side: the other one chose worse for one label and found the other validation image."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import write_table
from empaste.layout import HERE
from empaste.report.against import (
    StageChange,
    in_order,
    per_class,
    read_side,
    render_comparison,
    stage_changes,
)
from empaste.report.inputs import Side
from empaste.report.sheets.changes import changed_detections, changed_foregrounds, extremes
from tests.report.test_page import Reader

MD5 = "0123456789abcdef0123456789abcdef"
LOCK = f"""
stages:
  paste:
    params: {{params.yaml: {{paste: {{n_p: N_P, seed: 0}}}}}}
    deps: [{{path: src/empaste/paste, md5: CODE}}, {{path: data/foregrounds, md5: POOL}}]
    outs: [{{path: data/composites, md5: POOL}}]
  foregrounds:
    deps: [{{path: data/segments, md5: {MD5}}}]
    outs: [{{path: data/foregrounds, md5: POOL}}]
  prepare:
    outs: [{{path: data/images, md5: {MD5}}}]
"""


def lock(n_p: int, code: str, pool: str) -> str:
    return LOCK.replace("N_P", str(n_p)).replace("CODE", code * 32).replace("POOL", pool * 32)


def other_run(folder: Path, run_folder: Path) -> Path:
    """A copy of the run with another pool, other detections and other figures."""
    shutil.copytree(run_folder, folder, dirs_exist_ok=True)
    pool = pd.read_parquet(folder / "data/foregrounds/pool.parquet")
    pool = pool[(pool["image_id"] != 3) | (pool["class_id"] != 2)].reset_index(drop=True)
    pool.loc[pool["image_id"] == 1, "segment_id"] = 2  # the corner
    write_table(pool, folder / "data/foregrounds/pool.parquet", Foregrounds)
    found = json.loads((folder / "data/detections/val.json").read_text())
    found = [{**found[1], "score": 0.8}]  # image 6, which the other run does not see
    (folder / "data/detections/val.json").write_text(json.dumps(found))
    figures = json.loads((folder / "metrics/evaluate.json").read_text())
    figures["mask"] |= {"AP50": 61.0, "AP50_per_class": {"ball": 51.0, "tv & <monitor>": 71.0}}
    (folder / "metrics/evaluate.json").write_text(json.dumps(figures))
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("n_p: 3 ", "n_p: 6 "))
    (folder / "dvc.lock").write_text(lock(6, "b", "b"))
    return folder


@pytest.fixture(scope="module")
def sides(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    here = shutil.copytree(run_folder, tmp_path_factory.mktemp("here"), dirs_exist_ok=True)
    (here / "dvc.lock").write_text(lock(3, "a", "a"))
    there = other_run(tmp_path_factory.mktemp("there"), run_folder)
    return read_side("this run", HERE.below(here), 4), read_side("six <b>", HERE.below(there), 4)


def test_the_page_tells_figures_what_changed_and_why(sides: tuple[Side, Side]) -> None:
    page = render_comparison(*sides)
    text = " ".join(Reader(page).text.split())
    assert "58.4 mask AP50 six <b>: 61.0 -2.6" in text
    assert "paste.n_p 3 6" in text
    assert "paste paste.n_p src/empaste/paste data/foregrounds data/composites" in text
    assert "evaluate.mask.AP50 58.4 61" in text
    assert "six <b>" not in page
    assert render_comparison(*sides) == page


def test_stages_differ_in_parameters_code_inputs_or_outputs(sides: tuple[Side, Side]) -> None:
    assert list(stage_changes(sides[0].stages, sides[1].stages)) == [
        StageChange("foregrounds", [], [], [], ["data/foregrounds"]),
        StageChange("paste", ["paste.n_p"], ["src/empaste/paste"], ["data/foregrounds"], ["data/composites"]),
    ]
    assert list(stage_changes({}, {"prepare": sides[0].stages["prepare"]})) == [
        StageChange("prepare", [], [], [], ["data/images"])
    ]


def test_stages_stand_after_those_they_read_from(sides: tuple[Side, Side]) -> None:
    order = in_order(sides[0].stages)
    assert set(order) == {"prepare", "foregrounds", "paste"}
    assert order.index("foregrounds") < order.index("paste")


def test_classes_stand_in_the_order_of_their_difference(sides: tuple[Side, Side]) -> None:
    here, there = (side.metrics for side in sides)
    assert per_class(here, there, "mask AP50") == {"tv & <monitor>": (50.0, 71.0), "ball": (50.0, 51.0)}
    assert per_class(here, {}, "mask AP50") == {"ball": (50.0, None), "tv & <monitor>": (50.0, None)}


def test_foregrounds_that_differ_are_shown_in_both_runs(sides: tuple[Side, Side]) -> None:
    sheet = changed_foregrounds(*sides)
    assert [group.heading for group in sheet.groups] == ["train/000001.png · ball", "train/000003.png · tv & <monitor>"]
    assert [[panel.caption for panel in group.panels] for group in sheet.groups] == [
        ["this run · IoU 1.00 ✓", "six <b> · IoU 0.00 ✗"],
        ["this run · IoU 1.00 ✓", "six <b> · no foreground"],
    ]
    assert "Of 3 foregrounds 2 differ. Of these 2 are right (IoU 0.5) here, 0 in six <b>." in sheet.guide
    assert [group.facts and group.facts.right for group in sheet.groups] == [True, True]


def test_the_same_foregrounds_are_said_to_be_the_same(sides: tuple[Side, Side]) -> None:
    assert changed_foregrounds(sides[0], sides[0]).missing == "Both runs chose the same foregrounds."
    assert changed_detections(sides[0], sides[0]).missing == "No validation image is better or worse."


def test_detections_are_compared_on_images_of_one_name(sides: tuple[Side, Side]) -> None:
    sheet = changed_detections(*sides)
    assert [group.heading for group in sheet.groups] == [
        "val/000006.png: 0% right, six <b> 100%",
        "val/000005.png: 100% right, six <b> 0%",
    ]
    assert [panel.caption for panel in sheet.groups[0].panels] == [
        "6 · ground truth, 1 object",
        "this run · no detection, best only 0.30",
        "six <b> · 1 detection, best 0.80",
    ]
    assert "Of 2 validation images 1 are better here and 1 worse." in sheet.guide


def test_runs_on_other_images_share_nothing_to_compare(
    sides: tuple[Side, Side], bare_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(bare_folder, tmp_path, dirs_exist_ok=True)
    images = pd.read_parquet(folder / "data/images/images.parquet")
    for name in images["file_name"]:
        (folder / "data/images" / name).rename(folder / "data/images" / name.replace("000", "100"))
    images["file_name"] = images["file_name"].str.replace("000", "100", n=1)
    images.to_parquet(folder / "data/images/images.parquet")
    (folder / "dvc.lock").write_text("stages: {}")
    other = read_side("bare", HERE.below(folder), 4)
    assert changed_detections(sides[0], other).missing == "The runs share no validation image with masks."
    captions = [panel.caption for group in changed_foregrounds(sides[0], other).groups for panel in group.panels]
    assert "bare · no such image" in captions


def test_the_extremes_are_the_lowest_then_the_highest() -> None:
    gains = {"a": 0.5, "b": -0.5, "c": 0.1, "d": -0.1, "e": 0.5}
    assert extremes(gains, 4) == ["b", "d", "e", "a"]
    assert extremes(gains, 1) == ["b", "e"]
    assert extremes({}, 4) == []
