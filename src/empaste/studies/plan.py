"""What a study would run: one experiment per row and seed, with its parameters; checked whole before anything runs."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from empaste.costs.archives import FETCH
from empaste.data_set_parts import parse_parts
from empaste.datasets.settings import PrepareSettings
from empaste.doctor.check import run
from empaste.doctor.registry import PARAMETERS
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.params import Params
from empaste.presets import chosen, override
from empaste.report.settings import ReportSettings
from empaste.settings import read_sections, validate
from empaste.studies.experiments import stages_up_to, visible_gpus
from empaste.studies.metrics import check_metrics
from empaste.studies.overrides import (
    TAGS,
    changed_parameters,
    require_parameters,
    set_param,
    value_of,
)
from empaste.studies.study import NAME, Row, Study, choose_rows, find_study, read_study


@dataclass(frozen=True)
class Request:
    """What was asked for: a study by name or path, and what differs from how its file has it."""

    study: str
    presets: Sequence[str] = ()
    settings: Sequence[str] = ()
    """``key=value``, applied after the presets."""
    label: str = ""
    """What tells this study's experiments from those on other presets; the presets' names where it is empty."""
    rows: Sequence[str] = ()
    """Those to run; all where none is named."""
    seeds: int = 3
    jobs: int = 2
    parts: Sequence[str] = ()
    """``NAME=PATTERN`` of file names: images to report apart."""

    @property
    def command(self) -> str:
        """The command that asks for this."""
        options = [("--preset", name) for name in self.presets] + [("--set", one) for one in self.settings]
        options += [("--label", self.label)] if self.label else []
        options += [("--rows", ",".join(self.rows))] if self.rows else []
        options += [("--part", part) for part in self.parts]
        options += [("--seeds", str(self.seeds)), ("--jobs", str(self.jobs))]
        return shlex.join(["empaste", "study", self.study, *chain.from_iterable(options)])


class Task(NamedTuple):
    """One row with one seed: the name of its experiment, and the whole of its parameters."""

    row: str
    seed: int
    experiment: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A study, checked against the pipeline: ``name`` is that of its experiments and of its result."""

    name: str
    path: Path
    study: Study
    stages: list[str]
    """Those that its rows run."""
    workspace: Mapping[str, Any]
    """The content of ``params.yaml``."""
    shared: Mapping[str, Any]
    """The parameters that all rows share."""
    seeds: int
    chosen: list[str]
    """The rows to run."""
    parts: Mapping[str, str]
    """Patterns of file names by the name of the images that are reported apart."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Rows that lack something, each with what."""

    def task(self, row: str, seed: int, more: Mapping[str, Any] | None = None) -> Task:
        """The experiment of ``row`` with ``seed``; ``more`` are further parameters of this repeat."""
        own = self.study.rows[row]
        multiplied = {key: _times(value_of(self.shared, key), factor) for key, factor in own.times.items()}
        changes = {**own.set, **multiplied, **dict.fromkeys(self.study.seeded, seed), **(more or {})}
        changes[TAGS] = {**value_of(self.shared, TAGS), "study": self.name, "row": row, "seed": seed}
        return Task(row, seed, f"{self.name}-{row}-{seed}", override(self.shared, changes))

    def settings(self, task: Task) -> list[str]:
        """What turns the workspace's parameters into those of ``task``, for ``dvc exp run -S``."""
        return [set_param(key, value) for key, value in changed_parameters(self.workspace, task.params).items()]


def make_plan(request: Request) -> Plan:
    """The plan of what was asked for; `InputError` for every mistake that can be seen before anything runs."""
    path = find_study(request.study)
    study = read_study(path)
    workspace = read_sections(HERE.params)
    stages = stages_up_to(study.last_stage)
    check_metrics(study, path, stages)
    _check_keys(study, path, workspace)
    asked = chosen(request.presets, request.settings)
    _check_asked(study, path, chosen((), request.settings))
    shared = override(workspace, {**chosen(study.presets, ()), **study.defaults, **asked, **study.set})
    _check_times(study, path, shared)
    _check_data(shared, path)
    validate(shared.get("report"), ReportSettings, path, "report")
    rows, parts = choose_rows(study, list(request.rows)), parse_parts(request.parts)
    if parts and not study.halves:
        raise InputError(f"{path} measures no halves of the images, so it reports no --part; leave it out")
    plan = Plan(result_name(request), path, study, stages, workspace, shared, request.seeds, rows, parts)
    found = {name: _missing(plan, name) for name in study.rows}
    skipped = {name: text for name, text in found.items() if text}
    if study.compare_with in skipped:
        raise InputError(
            f"{path}: row {study.compare_with}, which others are compared with, {skipped[study.compare_with]}"
        )
    return replace(plan, skipped=skipped)


def _times(value: float, factor: float) -> float:
    """``value`` so many times; a whole number stays one."""
    return round(value * factor) if isinstance(value, int) else value * factor


def result_name(request: Request) -> str:
    """The name of the study's experiments and result: its own, and its label, the presets' where none is given."""
    path = find_study(request.study)
    label = request.label or "_".join(Path(name).stem for name in request.presets)
    if not label:
        return path.stem
    if not NAME.fullmatch(label):
        raise InputError(f"--label is {label!r}; use small letters, digits and _")
    return f"{path.stem}-{label}"


def _check_keys(study: Study, path: Path, params: Mapping[str, Any]) -> None:
    """`InputError` for a key of the study that is no parameter."""
    require_parameters(study.defaults, params, f"{path}: defaults")
    require_parameters(study.set, params, f"{path}: set")
    require_parameters(study.seeded, params, f"{path}: seeded")
    for name, row in study.rows.items():
        require_parameters(row.set, params, f"{path}: rows.{name}.set")
        require_parameters(row.times, params, f"{path}: rows.{name}.times")
        require_parameters(row.needs, params, f"{path}: rows.{name}.needs")


def _check_asked(study: Study, path: Path, asked: Mapping[str, Any]) -> None:
    """`InputError` where a parameter that is asked for is one that rows or repeats set."""
    for key in asked:
        rows = [name for name, row in study.rows.items() if key in row.set]
        if rows or key in study.seeded or key in study.set:
            by = f"the rows {', '.join(rows)}" if rows else "its repeats" if key in study.seeded else "all rows"
            raise InputError(f"--set {key}: {by} of {path} set it; leave it out, or make a study of your own")


def _check_times(study: Study, path: Path, shared: Mapping[str, Any]) -> None:
    """`InputError` where a row multiplies what is no number among the parameters that all rows share."""
    for name, row in study.rows.items():
        for key in row.times:
            value = value_of(shared, key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(
                    f"{path}: rows.{name}.times: {key} is {value!r}, which is no number; set it in rows.{name}.set"
                )


def _check_data(shared: Mapping[str, Any], path: Path) -> None:
    """`InputError`, with what brings them, where the data of the shared parameters are not there.

    `InputError`, too, where the section ``prepare`` is not valid.
    """
    section: Any = shared.get("prepare")
    is_set = not isinstance(section, Mapping) or section.get("root") not in (None, "")
    # Without a root the section is not valid either, but what brings the data says more.
    settings = validate(section if is_set else {**section, "root": "."}, PrepareSettings, path, "prepare")
    if settings.dataset == "demo" or (is_set and settings.folder.exists()):
        return
    there = f"prepare.root is {settings.root!r}, which does not exist" if is_set else "prepare.root is not set"
    raise InputError(f"the data set {settings.dataset} is not there: {there}; {FETCH[settings.dataset].command}")


def _missing(plan: Plan, name: str) -> str | None:
    """What keeps the row ``name`` from running here, such as weights; None where nothing does.

    `InputError` where its parameters are not valid.
    """
    row, task = plan.study.rows[name], plan.task(name, 0)
    lacking = [f"needs {key}: {what}" for key, what in row.needs.items() if value_of(task.params, key) is None]
    if lacking:
        return "; ".join(lacking)
    if row.gpu and not visible_gpus():
        return "needs a GPU, and this machine has none"
    settings = validate(_checkable(row, task.params), Params, Path(f"{plan.path}: row {name}"))
    return "; ".join(check.text for check in run(PARAMETERS, settings) if check.state == "broken") or None


def _checkable(row: Row, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """``params``, and a name for the file of pseudo labels that a row before would write."""
    if row.pseudo_labels_of is None:
        return params
    return override(params, {"paste.foregrounds": "file", "paste.foregrounds_file": "."})
