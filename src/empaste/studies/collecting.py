"""From experiments to a result: figures per row and seed, what they cost, and on what they were made."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from empaste.layout import HERE
from empaste.studies.experiments import Experiment, code_of, head_commit
from empaste.studies.halves import STAGE, measure_halves
from empaste.studies.metrics import figure, figures_by_class
from empaste.studies.overrides import changed_parameters
from empaste.studies.plan import Plan, Task
from empaste.studies.results import Column, RowResult, Run, StudyResult, class_column, with_statistics
from empaste.studies.running import last_lines
from empaste.tracking.identity import changed_files

COST = re.compile(r"^\w+: done in ([\d.]+) s; ([\d.]+) s of CPU(, on a GPU)?$", re.MULTILINE)
"""The last line of a stage, which `stages.runner` prints."""


class Cost(NamedTuple):
    """CPU and GPU seconds of the stages that ran; None where the log is gone."""

    cpu_seconds: float | None
    gpu_seconds: float | None


def collect(
    plan: Plan, tasks: Sequence[Task], found: Mapping[str, Experiment], command: str, blocked: Mapping[str, str]
) -> StudyResult:
    """The result of ``plan`` with what ``found`` holds of ``tasks``, by experiment.

    ``blocked`` says of experiments that could not be queued why.
    """
    study = plan.study
    if study.halves:
        found = {name: _with_halves(one, plan.parts) for name, one in found.items()}
    columns = _columns(plan, list(found.values()))
    rows = [
        RowResult(
            name=name,
            title=row.title,
            set=row.set,
            skipped=plan.skipped.get(name),
            compare_with=study.compared(name),
            published={study.metrics[title]: value for title, value in row.published.items()},
            runs=[_run(task, found.get(task.experiment), columns, blocked) for task in tasks if task.row == name],
            summaries={},
            differences={},
        )
        for name, row in study.rows.items()
    ]
    result = StudyResult(
        study=plan.name,
        title=study.title,
        question=study.question,
        command=command,
        commit=head_commit(),
        changed=changed_files([*code_of(plan.stages), str(HERE.params)]),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        seeds=plan.seeds,
        settings=changed_parameters(plan.workspace, plan.shared),
        compare_with=study.compare_with,
        confidence=0.0,
        published_in=study.published_in,
        columns=columns,
        rows=rows,
    )
    return with_statistics(result)


def _with_halves(one: Experiment, parts: Mapping[str, str]) -> Experiment:
    """``one``, where it is finished with what its foregrounds are on halves of the images."""
    if one.state != "finished":
        return one
    return one._replace(metrics={**one.metrics, STAGE: measure_halves(one.rev, parts)})


def _columns(plan: Plan, found: Sequence[Experiment]) -> list[Column]:
    """What is shown, of the parts too; then the classes in the order of their sizes, of equals by name."""
    columns = [Column(key=key, title=title) for title, key in plan.study.metrics.items()]
    own = [column for column in columns if column.key.startswith(f"{STAGE}.")]
    columns += [
        Column(key=column.key.replace(STAGE, f"{STAGE}.parts.{part}", 1), title=f"{part}: {column.title}")
        for part in plan.parts
        for column in own
    ]
    shown = plan.study.per_class
    if shown is None:
        return columns
    sizes: dict[str, float] = {}
    for one in found:
        sizes |= figures_by_class(one.metrics, shown.sizes)
    names = sorted((name for name, size in sizes.items() if size), key=lambda name: (-sizes[name], name))
    return columns + [class_column(shown.metric, name, sizes[name]) for name in names]


def _run(task: Task, one: Experiment | None, columns: Sequence[Column], blocked: Mapping[str, str]) -> Run:
    run = Run(seed=task.seed, state="not run", experiment=task.experiment, rev=None, figures={})
    if task.experiment in blocked:
        return run.model_copy(update={"state": "failed", "log": blocked[task.experiment]})
    if one is None or one.state in ("queued", "running"):
        return run
    ended = run.model_copy(update={"rev": one.rev, **read_cost(one)._asdict()})
    if one.state == "failed":
        return ended.model_copy(update={"state": "failed", "log": last_lines(one)})
    figures = {column.key: _figure(one, column.key) for column in columns}
    return ended.model_copy(update={"state": "finished", "figures": figures})


def _figure(one: Experiment, key: str) -> float | None:
    metric, colon, name = key.partition(":")
    return figures_by_class(one.metrics, metric).get(name) if colon else figure(one.metrics, metric)


def read_cost(one: Experiment) -> Cost:
    """What the experiment's own log says of its stages."""
    if one.log is None or not one.log.exists():
        return Cost(None, None)
    stages = COST.findall(one.log.read_text(errors="replace"))
    cpu = sum(float(seconds) for _, seconds, _ in stages)
    gpu = sum(float(seconds) for seconds, _, on_gpu in stages if on_gpu)
    return Cost(round(cpu, 1), round(gpu, 1))


def machine() -> str:
    """What the results were made on."""
    import torch

    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    parts = [f"{os.cpu_count()} CPU cores ({platform.machine()})", *gpus]
    return f"{', '.join(parts)}; Python {platform.python_version()}, PyTorch {torch.__version__}"
