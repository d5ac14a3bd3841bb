"""Studies on a pipeline of three stages that take no time: what runs, where, and what is printed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.errors import InputError
from empaste.studies import STUDIES, run_study
from empaste.studies.running import Result, Study, override, run, table

PIPELINE = {
    "stages": {
        "prepare": {"deps": ["raw"], "outs": ["data/images", "data/ground_truth/val.json"]},
        "paste": {"deps": ["stages/paste.py", "src/empaste/paste", "data/images"], "outs": ["data/composites"]},
        "evaluate": {"deps": ["data/composites", "data/ground_truth/val.json"], "outs": ["data/detections"]},
    }
}
PARAMS: dict[str, dict[str, Any]] = {"paste": {"n_p": 3, "seed": 0, "num_threads": 2}, "evaluate": {"min_score": 0.05}}
PASTE = """
import os, pathlib, sys, yaml
paste = yaml.safe_load(pathlib.Path("params.yaml").read_text())["paste"]
if paste["n_p"] == 99:
    sys.exit("no room for 99")
assert not any(name.startswith("DVC_") for name in os.environ) and os.environ["EMPASTE_TRACKING"] == "off"
out = pathlib.Path("data/composites")
out.mkdir(parents=True, exist_ok=True)
(out / "sum").write_text(str(paste["n_p"] + paste["seed"] + len(pathlib.Path("data/images/a.txt").read_text())))
with open("runs", "a") as stream:
    stream.write(str(paste["num_threads"]))
"""
EVALUATE = """
import json, pathlib
assert pathlib.Path("data/ground_truth/val.json").exists()
value = float(pathlib.Path("data/composites/sum").read_text())
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/evaluate.json").write_text(json.dumps({"mask": {"AP50": value, "AP75": None, "AP": 1.0}}))
"""
STUDY = Study("Made up", ("paste", "evaluate"), {"Few": {"paste.n_p": 1}, "Many": {"paste.n_p": 10}}, ("paste.seed",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for folder in ("stages", "data/images", "data/ground_truth", "src/empaste/paste"):
        (root / folder).mkdir(parents=True)
    texts = {
        "dvc.yaml": yaml.safe_dump(PIPELINE), "params.yaml": yaml.safe_dump(PARAMS), "stages/__init__.py": "",
        "stages/paste.py": PASTE, "stages/evaluate.py": EVALUATE, "data/images/a.txt": "",
        "data/ground_truth/val.json": "{}", "src/empaste/paste/compose.py": "",
    }  # fmt: skip
    for name, text in texts.items():
        (root / name).write_text(text)
    return root


def num_runs(workdir: Path) -> int:
    return sum(len(file.read_text()) for file in workdir.rglob("runs"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_row_runs_with_every_seed(root: Path, tmp_path: Path, jobs: int) -> None:
    before = sorted(root.rglob("*"))
    results = run(STUDY, [0, 1], tmp_path / "work", jobs, root)
    expected = [("Few", 0, 1.0), ("Few", 1, 2.0), ("Many", 0, 10.0), ("Many", 1, 11.0)]
    assert [(result.row, result.seed, result.figures["AP50"]) for result in results] == expected
    assert {file.read_text() for file in (tmp_path / "work").rglob("runs")} == {"2" if jobs == 1 else "1"}
    assert [path for path in sorted(root.rglob("*")) if "__pycache__" not in path.parts] == before


def test_repeats_may_differ_in_more_than_their_number(root: Path, tmp_path: Path) -> None:
    study = Study(STUDY.title, STUDY.stages, STUDY.rows, STUDY.seeded, by_seed={1: {"paste.n_p": 20}})
    results = run(study, [0, 1], tmp_path / "work", 1, root)
    assert [result.figures["AP50"] for result in results] == [1.0, 21.0, 10.0, 21.0]


def test_a_finished_row_is_not_run_again(root: Path, tmp_path: Path) -> None:
    first = run(STUDY, [0], tmp_path / "work", 1, root)
    assert run(STUDY, [0, 1], tmp_path / "work", 1, root)[::2] == first
    assert num_runs(tmp_path / "work") == 4


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("data/images/a.txt", "more"),
        ("src/empaste/paste/compose.py", "x = 1"),
        ("params.yaml", yaml.safe_dump(PARAMS | {"evaluate": {"min_score": 0.1}})),
    ],
)
def test_what_stands_on_other_data_code_or_parameters_is_run_again(
    root: Path, tmp_path: Path, changed: str, text: str
) -> None:
    run(STUDY, [0], tmp_path / "work", 1, root)
    (root / changed).write_text(text)
    run(STUDY, [0], tmp_path / "work", 1, root)
    assert num_runs(tmp_path / "work") == 4


def test_a_failure_is_told_and_what_was_finished_is_kept(root: Path, tmp_path: Path) -> None:
    broken = Study("Made up", ("paste", "evaluate"), {"Few": {"paste.n_p": 1}, "Bad": {"paste.n_p": 99}}, ())
    with pytest.raises(InputError, match=r"Bad, seed 0: stage paste failed in .*bad-0.*\nno room for 99"):
        run(broken, [0], tmp_path / "work", 1, root)
    assert num_runs(tmp_path / "work") == 1
    run(STUDY, [0], tmp_path / "work", 1, root)
    assert num_runs(tmp_path / "work") == 2


def test_what_the_study_builds_on_must_exist(root: Path, tmp_path: Path) -> None:
    (root / "data/ground_truth/val.json").unlink()
    with pytest.raises(InputError, match=r"data/ground_truth/val\.json must exist .*; run: dvc repro prepare"):
        run(STUDY, [0], tmp_path / "work", 1, root)


@pytest.mark.usefixtures("root", "tmp_path")
def test_a_key_that_params_lack_is_refused() -> None:
    for key in ("paste.np", "past.n_p", "n_p"):
        with pytest.raises(InputError, match=rf"the study sets {key}, but params\.yaml has no such parameter"):
            override(PARAMS, {key: 1})
    changed = override(PARAMS, {"paste.n_p": 6})
    assert changed["paste"]["n_p"] == 6
    assert PARAMS["paste"]["n_p"] == 3


def test_the_table_shows_mean_and_spread() -> None:
    few = [Result("Few", seed, {"AP50": value, "AP75": value / 2}) for seed, value in enumerate((10.0, 20.0, 30.0))]
    many = [Result("Many", seed, {"AP50": 7.0, "AP75": None if seed else 1.0}) for seed in range(3)]
    lines = table(STUDY, few + many, "empaste study made_up").splitlines()
    assert lines[0] == "### Made up"
    assert lines[2].startswith("`empaste study made_up`: mean ± standard deviation over 3 seed(s), on ")
    assert lines[4:] == [
        "| | mAP50 | mAP75 |",
        "|---|---|---|",
        "| Few | 20.0 ± 10.0 | 10.0 ± 5.0 |",
        "| Many | 7.0 ± 0.0 | – |",
    ]


def test_one_seed_has_no_spread() -> None:
    assert "| Few | 3.0 | – |" in table(STUDY, [Result("Few", 0, {"AP50": 3.0, "AP75": None})], "x")


def test_an_unknown_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="study is 'psuedo'; choose from pseudo_labels"):
        run_study("psuedo", 3, tmp_path, 1)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_every_study_fits_the_shipped_pipeline(name: str) -> None:
    top = Path(__file__).parents[2]
    params, pipeline = (yaml.safe_load((top / file).read_text()) for file in ("params.yaml", "dvc.yaml"))
    from empaste.params import Params

    study = STUDIES[name](params)
    assert set(study.stages) <= set(pipeline["stages"])
    assert study.stages[-1] == "evaluate"
    for changes in study.rows.values():
        Params.model_validate(override(params, {**changes, **dict.fromkeys(study.seeded, 7)}))
