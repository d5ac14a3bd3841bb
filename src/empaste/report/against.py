"""The page that sets two runs side by side: what changed, why, and what came of it on the same images."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from empaste.artifacts.metrics import Number, flatten, read_metrics
from empaste.artifacts.work import is_code
from empaste.errors import InputError
from empaste.layout import Layout
from empaste.report import figures
from empaste.report.inputs import Run
from empaste.report.rendering import render
from empaste.report.sheets.changes import NamedRun, changed_detections, changed_foregrounds

SHOWN_CLASSES = ("mask AP50", "mask AP75")
"""The figures per class that the page compares."""
REPORT = "report"
"""The stage that shows what the others wrote; the page leaves it out."""


class Side(NamedTuple):
    """One of two runs: what it is called, its artifacts, figures, flat parameters, and DVC's record of its stages."""

    name: str
    run: Run
    metrics: figures.Metrics
    params: Mapping[str, Any]
    stages: Mapping[str, Any]


class StageChange(NamedTuple):
    """A stage that differs between two runs: parameters, code and inputs that do, and what it wrote otherwise."""

    stage: str
    params: Sequence[str]
    code: Sequence[str]
    inputs: Sequence[str]
    outputs: Sequence[str]


def read_side(name: str, files: Layout, num_images: int) -> Side:
    """The run whose artifacts lie in ``files``; `InputError` where something of it is missing."""
    metrics = {path.stem: read_metrics(path) for path in sorted(files.metrics.glob("*.json"))}
    return Side(name, Run(files, num_images), metrics, flatten(_read_yaml(files.params)), read_stages(files.lock))


def read_stages(lock: Path) -> dict[str, Any]:
    """What DVC's lock file records of every stage that has run."""
    stages: dict[str, Any] = _read_yaml(lock).get("stages") or {}
    return stages


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}); run: dvc repro") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no sections; run: dvc repro")
    return content


def render_comparison(here: Side, there: Side) -> str:
    """The page as HTML: figures with their differences, what changed and why, then pictures of the largest changes."""
    runs = NamedRun(here.name, here.run), NamedRun(there.name, there.run)
    return render(
        "against.html.jinja",
        [changed_foregrounds(*runs), changed_detections(*runs)],
        here=here.name,
        there=there.name,
        headline=_pairs(figures.headline(here.metrics), figures.headline(there.metrics)),
        classes=[(title, per_class(here.metrics, there.metrics, title)) for title in SHOWN_CLASSES],
        params=param_changes(here.params, there.params),
        stages=[one for one in stage_changes(here.stages, there.stages) if one.stage != REPORT],
        metrics=metric_changes(flatten(here.metrics), flatten(there.metrics)),
    )


def _pairs(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (here.get(name), there.get(name)) for name in dict.fromkeys(chain(here, there))}


def per_class(
    here: figures.Metrics, there: figures.Metrics, title: str
) -> dict[str, tuple[Number | None, Number | None]]:
    """A class's value of the figure ``title`` in both runs, the largest differences first."""
    of = [
        next((column.per_class for column in figures.class_columns(metrics) if column.title == title), {})
        for metrics in (here, there)
    ]
    pairs = _pairs(*of)
    order = sorted(pairs, key=lambda name: (-_distance(*pairs[name]), name))
    return {name: pairs[name] for name in order}


def _distance(here: Number | None, there: Number | None) -> float:
    return -1.0 if here is None or there is None else abs(here - there)


def param_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The parameters that differ, with both values; None where a run lacks one."""
    return {name: pair for name, pair in _pairs(here, there).items() if pair[0] != pair[1]}


def metric_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The figures over all classes that differ, with both values."""
    return {name: pair for name, pair in param_changes(here, there).items() if "per_class" not in name}


def stage_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[StageChange]:
    """The stages of DVC's lock files whose parameters, code, inputs or outputs differ, in the order they run in."""
    pairs = _pairs(here, there)
    for stage in in_order({name: ours or theirs for name, (ours, theirs) in pairs.items()}):
        ours, theirs = (one or {} for one in pairs[stage])
        deps = _changed_files(ours, theirs, "deps")
        sections = [flatten((one.get("params") or {}).get("params.yaml") or {}) for one in (ours, theirs)]
        change = StageChange(
            stage,
            list(param_changes(*sections)),
            [path for path in deps if is_code(path)],
            [path for path in deps if not is_code(path)],
            _changed_files(ours, theirs, "outs"),
        )
        if any(change[1:]):
            yield change


def in_order(stages: Mapping[str, Any]) -> list[str]:
    """The names of ``stages``, each after those whose outputs it reads; DVC's lock file holds them in any order."""
    maker = {entry["path"]: name for name, stage in stages.items() for entry in stage.get("outs") or []}
    reads = {
        name: {maker[entry["path"]] for entry in stage.get("deps") or [] if entry["path"] in maker}
        for name, stage in stages.items()
    }
    return list(TopologicalSorter(reads).static_order())


def output_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> set[str]:
    """The outputs of any stage that differ between two records of stages."""
    return {path for change in stage_changes(here, there) for path in change.outputs}


def _changed_files(here: Mapping[str, Any], there: Mapping[str, Any], kind: str) -> list[str]:
    hashes = [{entry["path"]: entry.get("md5") for entry in side.get(kind) or []} for side in (here, there)]
    return list(param_changes(*hashes))
