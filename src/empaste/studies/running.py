"""Run the rows of a study in scratch workspaces, and print what they gave.

A row and seed has a workspace of its own: links to what the pipeline has prepared, a ``params.yaml`` with the row's
overrides, and the outputs of the study's stages. Nothing is written outside it. Its name is made of everything that
determines the result, so that a finished row is not run again, and one that stands on other data or code is.
"""

import copy
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tqdm import tqdm

from empaste.artifacts.metrics import read_metrics
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.work import keyed_folder, read_pipeline, stage_key
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.settings import read_sections

FIGURES = ("AP50", "AP75")
"""What the table shows of ``metrics/evaluate.json``'s masks."""


@dataclass(frozen=True)
class Study:
    """Rows by name, each with what differs from ``params.yaml`` (dotted keys); ``stages`` run in their order.

    ``seeded`` are the keys that a repeat sets to its number; ``by_seed`` is what else differs in a repeat, by number.
    """

    title: str
    stages: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Any]]
    seeded: tuple[str, ...]
    by_seed: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def detector_figures(folder: Path) -> dict[str, float | None]:
    """What a row that ends with ``evaluate`` gave; its composites, which are large, are removed."""
    there = HERE.below(folder)
    figures = read_metrics(there.metrics / "evaluate.json")["mask"]
    shutil.rmtree(there.composites, ignore_errors=True)
    return {name: figures[name] for name in FIGURES}


class Result(NamedTuple):
    """What one row gave with one seed: mask AP in percent by name, None where undefined."""

    row: str
    seed: int
    figures: dict[str, float | None]


class Workspace(NamedTuple):
    """Where one row ran with one seed."""

    row: str
    seed: int
    folder: Path


def run(study: Study, seeds: Sequence[int], workdir: Path, jobs: int, root: Path = Path()) -> list[Result]:
    """The results of all rows with all ``seeds``, in that order; see `run_stages`."""
    return read_results(run_stages(study, seeds, workdir, jobs, root, detector_figures))


def read_results(done: Sequence[Workspace]) -> list[Result]:
    """What the finished workspaces gave."""
    return [Result(one.row, one.seed, json.loads(_result_file(one).read_text())) for one in done]


def run_stages(
    study: Study,
    seeds: Sequence[int],
    workdir: Path,
    jobs: int,
    root: Path,
    figures: Callable[[Path], dict[str, float | None]],
    upstream: Path | None = None,
) -> list[Workspace]:
    """The workspaces of all rows with all ``seeds``, in that order, each with all outputs of the study's stages.

    They stand on what stands in the repository ``root``, or, where it is given, on the outputs in ``upstream``;
    ``figures`` takes the result from a finished workspace.
    ``jobs`` of them run side by side; more than one take one thread each, whatever ``params.yaml`` says. `InputError`
    where a stage that the study builds on has not run, or one of its own fails; what was finished is kept.
    """
    source = upstream or root
    inputs = _inputs(study, read_pipeline(root), source)
    # Once for all rows: the inputs hold all images.
    read = stage_key(study.stages, {stage: {} for stage in study.stages}, [source / path for path in inputs], (), root)
    tasks = [_prepare(study, row, seed, workdir, jobs, root, read) for row in study.rows for seed in seeds]
    for task in tasks:
        _link(task, inputs, source)
    unfinished = [task for task in tasks if not _result_file(task).exists()]
    with ThreadPoolExecutor(jobs) as pool:
        done = pool.map(partial(_finish, study=study, root=root, figures=figures), unfinished)
        try:
            for _ in tqdm(done, "study", len(tasks), initial=len(tasks) - len(unfinished), unit="run"):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tasks


def table(study: Study, results: Sequence[Result], command: str) -> str:
    """Markdown: per row the mean of each figure over the seeds, ± its standard deviation, and how it was made."""
    num_seeds = len({result.seed for result in results})
    lines = [
        f"### {study.title}",
        "",
        f"`{command}`: mean ± standard deviation over {num_seeds} seed(s), on {hardware()}.",
        "",
        f"| | {' | '.join(f'm{name}' for name in FIGURES)} |",
        f"|---|{'---|' * len(FIGURES)}",
    ]
    for row in study.rows:
        own = [result.figures for result in results if result.row == row]
        lines.append(f"| {row} | {' | '.join(spread([figures[name] for figures in own]) for name in FIGURES)} |")
    return "\n".join(lines) + "\n"


def override(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` with the dotted keys of ``changes`` set; `InputError` for a key that it lacks."""
    changed = copy.deepcopy(dict(params))
    for key, value in changes.items():
        section, *parts = changed, *key.split(".")
        for part in parts[:-1]:
            section = section.get(part, {})
        if parts[-1] not in section:
            raise InputError(f"the study sets {key}, but params.yaml has no such parameter; correct the study")
        section[parts[-1]] = value
    return changed


def _inputs(study: Study, pipeline: Mapping[str, Any], root: Path) -> list[str]:
    """What the study's stages read of what other stages wrote."""
    made_by = {out: name for name in pipeline for out in pipeline[name].get("outs", []) if isinstance(out, str)}
    read = {dep for stage in study.stages for dep in pipeline[stage]["deps"]}
    inputs = sorted(dep for dep in read if _maker(dep, made_by) not in (None, *study.stages))
    missing = [path for path in inputs if not (root / path).exists()]
    if missing:
        makers = sorted({str(_maker(path, made_by)) for path in missing})
        raise InputError(f"{', '.join(missing)} must exist before a study runs; run: dvc repro {' '.join(makers)}")
    return inputs


def _maker(path: str, made_by: Mapping[str, str]) -> str | None:
    """The stage that writes ``path`` or a folder around it."""
    return next((name for out, name in made_by.items() if path == out or path.startswith(f"{out}/")), None)


def _prepare(study: Study, row: str, seed: int, workdir: Path, jobs: int, root: Path, read: str) -> Workspace:
    """The workspace of one row and seed, with its parameters.

    Its name is made of these and of ``read``, the key of what the study's stages read.
    """
    changes = {**study.rows[row], **study.by_seed.get(seed, {}), **dict.fromkeys(study.seeded, seed)}
    params = override(read_sections(root / HERE.params), changes)
    sections = {stage: params[stage] for stage in study.stages}
    if jobs > 1:
        for section in sections.values():
            section.update({"num_threads": 1} if "num_threads" in section else {})
    name = "-".join("".join(letter if letter.isalnum() else " " for letter in row.lower()).split())
    folder = keyed_folder(f"{name}-{seed}", [read, stage_key(study.stages, sections, (), (), root)], workdir)
    (folder / HERE.params).write_text(yaml.safe_dump(params, sort_keys=False))
    return Workspace(row, seed, folder)


def _link(task: Workspace, inputs: Sequence[str], root: Path) -> None:
    """The workspace shows what the pipeline has prepared."""
    for path in inputs:
        link = task.folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((root / path).resolve())


def _result_file(task: Workspace) -> Path:
    return task.folder / "result.json"


def _finish(task: Workspace, study: Study, root: Path, figures: Callable[[Path], dict[str, float | None]]) -> None:
    """The outputs of the row's stages stand in its workspace, and its result."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    environment |= {"EMPASTE_TRACKING": "off", "EMPASTE_WORKERS": "1", "PYTHONPATH": str(root.resolve())}
    log = task.folder / "log.txt"
    for stage in study.stages:
        with log.open("w") as stream:
            command = [sys.executable, "-m", f"stages.{stage}"]
            ended = subprocess.run(
                command, cwd=task.folder, env=environment, stdout=stream, stderr=subprocess.STDOUT, check=False
            )
        if ended.returncode:
            tail = "\n".join(log.read_text().replace("\r", "\n").splitlines()[-5:])
            raise InputError(f"{task.row}, seed {task.seed}: stage {stage} failed in {task.folder}:\n{tail}")
    write_whole(_result_file(task), json.dumps(figures(task.folder)).encode())


def spread(values: Sequence[float | None]) -> str:
    """``mean ± standard deviation``; a dash where a value is undefined."""
    defined = [value for value in values if value is not None and math.isfinite(value)]
    if not defined or len(defined) < len(values):
        return "–"
    spread = f" ± {statistics.stdev(defined):.1f}" if len(defined) > 1 else ""
    return f"{statistics.fmean(defined):.1f}{spread}"


def hardware() -> str:
    """What the results were made on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores"
