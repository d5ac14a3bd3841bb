"""The study of the long tail on stages that take no time: what it sets, what its rows stand on, what it prints."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.errors import InputError
from empaste.params import load_params
from empaste.studies import long_tail, run_study
from empaste.studies.long_tail import DEMO_TAIL, STUDY, UPSTREAM_STAGES, study_long_tail, table, upstream_of
from empaste.studies.running import Result, Study, override

TOP = Path(__file__).parents[2]
SHIPPED: dict[str, Any] = yaml.safe_load((TOP / "params.yaml").read_text())
PIPELINE = {
    "stages": {
        "prepare": {"deps": ["raw"], "outs": ["data/images"]},
        "paste": {"deps": ["stages/paste.py", "data/images"], "outs": ["data/composites"]},
    }
}
PREPARE = """
import json, pathlib, yaml
section = yaml.safe_load(pathlib.Path("params.yaml").read_text())["prepare"]
pathlib.Path("data/images").mkdir(parents=True, exist_ok=True)
pathlib.Path("data/images/a.txt").write_text(str(section["long_tail"]["max_size"]))
pathlib.Path("metrics").mkdir(exist_ok=True)
sizes = {"cat": 2, "dog": 75, "emu": 0, "bee": 2}
pathlib.Path("metrics/prepare.json").write_text(json.dumps({"images_per_class": sizes}))
"""
PASTE = """
import json, pathlib, yaml
section = yaml.safe_load(pathlib.Path("params.yaml").read_text())["paste"]
value = float(pathlib.Path("data/images/a.txt").read_text()) + section["seed"] + 100 * (section["placement"] == "none")
pathlib.Path("metrics").mkdir(exist_ok=True)
mask = {"AP50": value, "AP75": None, "AP50_per_class": {"cat": 1.0, "dog": value, "emu": None, "bee": 3.0}}
pathlib.Path("metrics/evaluate.json").write_text(json.dumps({"mask": mask}))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two stages, whose data has no long tail yet."""
    root = tmp_path / "repository"
    (root / "stages").mkdir(parents=True)
    params = {"prepare": SHIPPED["prepare"], "paste": SHIPPED["paste"]}
    texts = {"dvc.yaml": yaml.safe_dump(PIPELINE), "params.yaml": yaml.safe_dump(params), "stages/__init__.py": "",
             "stages/prepare.py": PREPARE, "stages/paste.py": PASTE}  # fmt: skip
    for name, text in texts.items():
        (root / name).write_text(text)
    rows = {name: STUDY.rows[name] for name in ("raw pseudo labels, no paste", "paste, balanced")}
    monkeypatch.setattr(long_tail, "UPSTREAM_STAGES", ("prepare",))
    monkeypatch.setattr(long_tail, "STUDY", Study(STUDY.title, ("paste",), rows, ("paste.seed",)))
    return root


def test_the_rows_stand_on_a_long_tail_of_the_studys_own(root: Path, tmp_path: Path) -> None:
    before = sorted(root.rglob("*"))
    text = study_long_tail(range(2), tmp_path / "out", 1, "empaste study long_tail", root)
    assert (tmp_path / "out/long_tail.md").read_text() == text
    assert text.splitlines()[4:] == [
        "| | mAP50 | mAP75 | dog (75) | bee (2) | cat (2) |",
        "|---|---|---|---|---|---|",
        "| raw pseudo labels, no paste | 175.5 ± 0.7 | – | 175.5 ± 0.7 | 3.0 ± 0.0 | 1.0 ± 0.0 |",
        "| paste, balanced | 75.5 ± 0.7 | – | 75.5 ± 0.7 | 3.0 ± 0.0 | 1.0 ± 0.0 |",
    ]
    assert [path for path in sorted(root.rglob("*")) if "__pycache__" not in path.parts] == before


def test_stages_parameters_and_rows_are_the_pipelines() -> None:
    pipeline = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]
    order = [*UPSTREAM_STAGES, *STUDY.stages]
    assert order == list(pipeline)[: len(order)]
    made = {out for stage in UPSTREAM_STAGES for out in pipeline[stage]["outs"]}
    data = {dep for stage in STUDY.stages for dep in pipeline[stage]["deps"] if dep.startswith("data/")}
    assert data - made == {"data/composites"}
    (changes,) = upstream_of(SHIPPED, Path()).rows.values()
    for row in (changes, *STUDY.rows.values()):
        override(SHIPPED, row)


def test_the_shipped_parameters_with_the_rows_are_allowed(tmp_path: Path) -> None:
    (changes,) = upstream_of(SHIPPED, Path()).rows.values()
    for row in STUDY.rows.values():
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(override(SHIPPED, {**changes, **row})))
        settings = load_params(tmp_path / "params.yaml")
        assert settings.prepare.long_tail.model_dump() == DEMO_TAIL


def test_a_long_tail_of_the_parameters_is_kept_and_a_folder_is_found_from_elsewhere(tmp_path: Path) -> None:
    params = override(SHIPPED, {"prepare.long_tail.max_size": 800, "prepare.dataset": "voc", "prepare.root": "raw"})
    assert upstream_of(params, tmp_path).rows == {"upstream": {"prepare.root": str(tmp_path / "raw")}}


def test_another_data_set_without_a_long_tail_is_refused() -> None:
    params = override(SHIPPED, {"prepare.dataset": "voc", "prepare.root": "/voc"})
    with pytest.raises(InputError, match=r"prepare\.dataset is 'voc' .*; set prepare\.long_tail\.max_size"):
        upstream_of(params, Path())


def test_a_class_that_was_not_measured_has_a_dash() -> None:
    results = [Result(row, 0, {"AP50": 1.0, "AP75": 2.0, "cat": None}) for row in STUDY.rows]
    line = table(results, {"cat": 3, "dog": 1}, "x").splitlines()[-1]
    assert line == "| paste, repeat_factor | 1.0 | 2.0 | – | – |"


def test_it_reports_no_parts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="study long_tail evaluates whole detectors and reports no --part"):
        run_study("long_tail", 3, tmp_path, 1, ["a=b*"])
