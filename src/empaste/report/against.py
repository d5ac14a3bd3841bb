"""The page that sets two runs side by side: what changed, why, and what came of it on the same images."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import chain
from typing import Any, NamedTuple

from empaste.artifacts.metrics import Number, flatten, read_metrics
from empaste.artifacts.run_record import changes, read_params, read_stages, recorded_outputs
from empaste.artifacts.work import is_code
from empaste.layout import Layout
from empaste.report import figures
from empaste.report.inputs import Run, Side
from empaste.report.rendering import render
from empaste.report.sheets.changes import changed_detections, changed_foregrounds

SHOWN_CLASSES = ("mask AP50", "mask AP75")
"""The figures per class that the page compares."""
REPORT = "report"
"""The stage that shows what the others wrote; the page leaves it out."""


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
    return Side(name, Run(files, num_images), metrics, read_params(files.params), read_stages(files.lock))


def render_comparison(here: Side, there: Side) -> str:
    """The page as HTML: figures with their differences, what changed and why, then pictures of the largest changes."""
    return render(
        "against.html.jinja",
        [changed_foregrounds(here, there), changed_detections(here, there)],
        here=here.name,
        there=there.name,
        headline=_pairs(figures.headline(here.metrics), figures.headline(there.metrics)),
        classes=[(title, per_class(here.metrics, there.metrics, title)) for title in SHOWN_CLASSES],
        params=changes(here.params, there.params),
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


def metric_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The figures over all classes that differ, with both values."""
    return {name: pair for name, pair in changes(here, there).items() if "per_class" not in name}


def stage_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[StageChange]:
    """The stages of DVC's lock files whose parameters, code, inputs or outputs differ, in the order they run in."""
    pairs = _pairs(here, there)
    for stage in in_order({name: ours or theirs for name, (ours, theirs) in pairs.items()}):
        ours, theirs = (one or {} for one in pairs[stage])
        deps = _changed_files(ours, theirs, "deps")
        sections = [flatten((one.get("params") or {}).get("params.yaml") or {}) for one in (ours, theirs)]
        change = StageChange(
            stage,
            list(changes(*sections)),
            [path for path in deps if is_code(path)],
            [path for path in deps if not is_code(path)],
            _changed_files(ours, theirs, "outs"),
        )
        if any(change[1:]):
            yield change


def in_order(stages: Mapping[str, Any]) -> list[str]:
    """The names of ``stages``, each after those whose outputs it reads; DVC's lock file holds them in any order."""
    made = recorded_outputs(stages)
    reads = {
        name: {made[entry["path"]][0] for entry in stage.get("deps") or [] if entry["path"] in made}
        for name, stage in stages.items()
    }
    return list(TopologicalSorter(reads).static_order())


def output_changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> set[str]:
    """The outputs of any stage that differ between two records of stages."""
    return {path for change in stage_changes(here, there) for path in change.outputs}


def _changed_files(here: Mapping[str, Any], there: Mapping[str, Any], kind: str) -> list[str]:
    hashes = [{entry["path"]: entry.get("md5") for entry in side.get(kind) or []} for side in (here, there)]
    return list(changes(*hashes))
