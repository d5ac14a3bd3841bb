"""The result of a study: one JSON file, from which every table, plot and page is made."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.errors import InputError
from empaste.settings import Settings
from empaste.studies.statistics import CONFIDENCE, Difference, Summary, compare, summarise

FOLDER = Path("docs/results")


class Run(BaseModel):
    """One row with one seed.

    ``cpu_seconds`` and ``gpu_seconds`` are those of the stages that ran; what DVC restored from its cache cost nothing.
    ``gpu_seconds`` is the time for which a stage held a GPU. Both are None where the log is gone. ``log`` is the end of
    a failed run's log.
    """

    model_config = Settings.model_config

    seed: int
    state: Literal["finished", "failed", "not run"]
    experiment: str
    rev: str | None
    figures: dict[str, float | None]
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    log: str | None = None


class RowResult(BaseModel):
    """A row: what it sets, its runs, and what they say by the key of a column."""

    model_config = Settings.model_config

    name: str
    title: str
    set: dict[str, Any]
    skipped: str | None
    """Why it has no runs."""
    compare_with: str | None
    """The row that ``differences`` are from."""
    published: dict[str, float]
    runs: list[Run]
    summaries: dict[str, Summary]
    differences: dict[str, Difference]
    """By column; one is left out where there are too few runs for an interval."""


class Column(BaseModel):
    """A figure that is shown: its key is unique, its title is for people."""

    model_config = Settings.model_config

    key: str
    title: str


class StudyResult(BaseModel):
    """Everything that a study gave, and how."""

    model_config = Settings.model_config

    study: str
    title: str
    question: str
    command: str
    commit: str
    changed: list[str]
    """Code and parameters that differed from the commit."""
    date: str
    machine: str
    seeds: int
    settings: dict[str, Any]
    """What all rows share and ``params.yaml`` had otherwise, by dotted key."""
    compare_with: str
    confidence: float
    published_in: str | None
    columns: list[Column]
    rows: list[RowResult]

    @property
    def failures(self) -> list[tuple[RowResult, Run]]:
        """The runs that failed."""
        return [(row, run) for row in self.rows for run in row.runs if run.state == "failed"]

    @property
    def cpu_seconds(self) -> float:
        """Those of all runs that are known."""
        return sum(run.cpu_seconds or 0 for row in self.rows for run in row.runs)

    @property
    def gpu_seconds(self) -> float:
        """Those of all runs that are known."""
        return sum(run.gpu_seconds or 0 for row in self.rows for run in row.runs)


def summarise_runs(runs: Iterable[Run], columns: Iterable[Column]) -> dict[str, Summary]:
    """Per column what the finished runs say."""
    finished = [run for run in runs if run.state == "finished"]
    return {column.key: summarise([run.figures.get(column.key) for run in finished]) for column in columns}


def compare_runs(own: Iterable[Run], other: Iterable[Run], columns: Iterable[Column]) -> dict[str, Difference]:
    """Per column the difference of ``own`` from ``other``, where there are enough runs for an interval."""
    mine, theirs = list(own), list(other)
    found = {column.key: compare(_by_seed(mine, column.key), _by_seed(theirs, column.key)) for column in columns}
    return {key: difference for key, difference in found.items() if difference is not None}


def _by_seed(runs: Iterable[Run], key: str) -> dict[int, float]:
    figures = ((run.seed, run.figures.get(key)) for run in runs if run.state == "finished")
    return {seed: value for seed, value in figures if value is not None}


def with_statistics(result: StudyResult) -> StudyResult:
    """``result`` with the summaries and differences that its runs give."""
    runs = {row.name: row.runs for row in result.rows}
    rows = [
        row.model_copy(
            update={
                "summaries": summarise_runs(row.runs, result.columns),
                "differences": compare_runs(row.runs, runs[row.compare_with], result.columns)
                if row.compare_with
                else {},
            }
        )
        for row in result.rows
    ]
    return result.model_copy(update={"rows": rows, "confidence": CONFIDENCE})


class ClassColumn(NamedTuple):
    """A column of figures of one class, of which the training split has ``size`` images."""

    key: str
    name: str
    size: int


def class_column(metric: str, name: str, size: float) -> Column:
    """The column of a class's ``metric``; no key of a metric over all classes has a colon."""
    return Column(key=f"{metric}:{name}", title=f"{name} ({size:.0f})")


def class_columns(result: StudyResult) -> list[ClassColumn]:
    """The columns of ``result`` that `class_column` made, in order."""
    found = []
    for column in result.columns:
        _, colon, name = column.key.partition(":")
        title = re.fullmatch(rf"{re.escape(name)} \((\d+)\)", column.title, re.DOTALL)
        if colon and title:
            found.append(ClassColumn(column.key, name, int(title[1])))
    return found


def write_result(result: StudyResult, folder: Path) -> Path:
    """The file ``folder/STUDY.json`` that holds ``result``."""
    path = folder / f"{result.study}.json"
    write_json(path, result.model_dump())
    return path


def read_result(path: Path) -> StudyResult:
    """The result in the file ``path``; `InputError` where it is missing or of another form."""
    command = f"empaste study {path.stem}"
    content: Mapping[str, Any] = read_own_json(path, command)
    try:
        return StudyResult.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path} is no result of a study ({error.errors()[0]['msg']}); run: {command}") from error
