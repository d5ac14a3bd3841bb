"""The command's work: every figure that a run allows, and a word on every other."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures import FIGURES
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.writing import Outcome, outcome_table, stage_of, write_figures


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_every_figure_is_written_with_the_same_bytes(files: Layout, tmp_path: Path, kind: str) -> None:
    first = list(write_figures((), files, tmp_path / "first", kind, Wish()))
    again = list(write_figures((), files, tmp_path / "again", kind, Wish()))
    assert [one.path for one in first] == [tmp_path / "first" / f"{name}.{kind}" for name in FIGURES]
    assert [one.path.read_bytes() for one in first if one.path] == [one.path.read_bytes() for one in again if one.path]


def test_what_a_run_has_not_come_to_is_named_with_its_stage(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    shutil.rmtree(folder / "data/backgrounds")
    (folder / "metrics/evaluate.json").unlink()
    outcomes = {one.name: one for one in write_figures((), HERE.below(folder), tmp_path / "out", "svg", Wish())}
    assert {name for name, one in outcomes.items() if one.path} == {"choice", "iterations"}
    missing = {name: one for name, one in outcomes.items() if one.path is None}
    assert all(one.absent for one in missing.values())
    assert missing["contexts"].said == f"{folder}/data/backgrounds does not exist; run: dvc repro backgrounds"
    assert missing["long_tail"].said == f"{folder}/metrics/evaluate.json does not exist; run: dvc repro evaluate"
    with pytest.raises(
        InputError, match=r"contexts cannot be drawn: .*backgrounds does not exist; run: dvc repro back"
    ):
        list(write_figures(("choice", "contexts"), HERE.below(folder), tmp_path / "other", "svg", Wish()))
    assert not (tmp_path / "other").exists()


def test_a_broken_artifact_keeps_its_figures_away_and_no_others(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    (folder / "data/cams/cams.parquet").write_bytes(b"")
    outcomes = {one.name: one for one in write_figures((), HERE.below(folder), tmp_path / "out", "svg", Wish(num=1))}
    assert [name for name, one in outcomes.items() if one.path is None] == ["choice"]
    assert not outcomes["choice"].absent
    assert "is not a readable Parquet table" in outcomes["choice"].said
    with pytest.raises(InputError, match=r"choice cannot be drawn: .*is not a readable Parquet table"):
        list(write_figures(("choice",), HERE.below(folder), tmp_path / "out", "svg", Wish()))


def test_a_workspace_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"choice cannot be drawn: .*data/images does not exist; run: dvc repro prepare"
    ):
        list(write_figures((), HERE.below(tmp_path), tmp_path / "out", "svg", Wish()))


@pytest.mark.parametrize(
    ("names", "kind", "wish", "said"),
    [
        (["chioce"], "svg", Wish(), "there is no figure 'chioce'; did you mean choice. choose from choice, iterations"),
        (["zzz"], "svg", Wish(), "there is no figure 'zzz'; choose from choice"),
        ([], "jpg", Wish(), "--format is 'jpg'; choose from svg, pdf, png"),
        (["long_tail"], "svg", Wish(num=3), "--num changes nothing in long_tail; leave it out, or draw choice, iter"),
        (
            ["choice"],
            "svg",
            Wish(study=Path("x")),
            "--study changes nothing in choice; leave it out, or draw long_tail",
        ),
        ([], "svg", Wish(class_names=("dog",)), "^--class is 'dog', but the data set has no such class"),
        ([], "svg", Wish(image_ids=(77,)), "^--image is 77, which is no training image"),
    ],
)
def test_a_mistake_ends_before_anything_is_drawn(
    files: Layout, tmp_path: Path, names: list[str], kind: str, wish: Wish, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        list(write_figures(names, files, tmp_path / "out", kind, wish))
    assert not (tmp_path / "out").exists()


def test_a_study_needs_no_run(tmp_path: Path) -> None:
    wish = Wish(study=tmp_path / "long_tail.json")
    with pytest.raises(InputError, match=r"long_tail\.json does not exist; run: empaste study long_tail"):
        list(write_figures(("long_tail",), HERE.below(tmp_path), tmp_path / "out", "svg", wish))


@pytest.mark.parametrize("name", FIGURES)
def test_every_artifact_that_a_figure_needs_has_its_stage(name: str) -> None:
    needed = FIGURES[name].needs(Wish())
    assert needed
    assert all(stage_of(path) for path in needed)


def test_the_stage_of_an_artifact_is_the_one_that_dvc_names() -> None:
    assert stage_of(HERE.segments) == "proposals"
    assert stage_of(HERE.metrics / "prepare.json") == "prepare"


def test_the_list_names_files_figures_and_what_they_show() -> None:
    out = StringIO()
    outcomes = [
        Outcome("choice", Path("out/choice.svg"), "[red]ball[/red]"),
        Outcome("contexts", None, "no", absent=True),
    ]
    Console(file=out, width=200).print(outcome_table(outcomes))
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["file", "figure", "shows"], ["out/choice.svg", "1,", "5", "[red]ball[/red]"]
    ]  # fmt: skip
