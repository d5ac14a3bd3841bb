"""The papers' tables and our own, run: a study is a YAML file of rows, and a row is what differs from ``params.yaml``.

Every row and seed is an experiment of DVC's, called ``STUDY-row-seed``, as a user would queue it by hand. A new study
is one new file: here, or in ``studies/`` at the top of the repository. `study` says what stands in it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.outputs import write_whole
from empaste.studies import experiments
from empaste.studies.chained import label_images
from empaste.studies.collecting import collect
from empaste.studies.plan import Plan, Request, Task, make_plan, result_name
from empaste.studies.plot import draw_intervals
from empaste.studies.results import FOLDER, StudyResult, read_result, write_result
from empaste.studies.running import POLL_SECONDS, Found, Runner, only_study
from empaste.studies.tables import csv_table, notes, page_section, tables_of, text_table
from empaste.tracking.identity import changed_files

__all__ = ["FOLDER", "Request", "run_study", "show_study"]


def run_study(request: Request, folder: Path = FOLDER, poll_seconds: float = POLL_SECONDS) -> StudyResult:
    """The result of what is asked for, once every row that can be run has ended; it is kept in ``folder``.

    Experiments that are finished are not run again; those of other code or parameters are. Rows that were not asked
    for count where their experiments are there. `InputError` for every mistake that can be seen before, and where
    another study runs.
    """
    plan = make_plan(request)
    with only_study():
        _say_what_goes_along(plan)
        runner = Runner(plan, request.jobs, poll_seconds)
        tasks, blocked = _run_waves(plan, runner)
        result = collect(plan, tasks, runner.find(tasks), request.command, blocked)
    return _publish(result, folder)


def show_study(request: Request, folder: Path = FOLDER) -> StudyResult:
    """The result that stands in ``folder``; nothing is run, its tables are made again and printed."""
    return _publish(read_result(folder / f"{result_name(request)}.json"), folder)


def _publish(result: StudyResult, folder: Path) -> StudyResult:
    """``folder`` holds the result, and what is made of it; the table is printed."""
    write_result(result, folder)
    plot = folder / f"{result.study}.svg"
    write_whole(plot, draw_intervals(result))
    write_whole(plot.with_suffix(".csv"), csv_table(result).encode())
    write_whole(plot.with_suffix(".md"), page_section(result, [plot.name]).encode())
    print(result.title, "", *map(text_table, tables_of(result)), *notes(result), sep="\n")
    return result


class _Chain(NamedTuple):
    """Tasks, and of those that cannot be queued, by experiment, why."""

    tasks: list[Task]
    blocked: dict[str, str]


def _run_waves(plan: Plan, runner: Runner) -> _Chain:
    """All tasks of the plan, run: first the rows that stand on no other, then those that do."""
    rows = {name: row for name, row in plan.study.rows.items() if name not in plan.skipped}
    first = [plan.task(name, seed) for name in rows for seed in range(plan.seeds) if not rows[name].pseudo_labels_of]
    runner.run(_chosen(plan, first))
    second = _chained(plan, runner.find(first))
    runner.run(_chosen(plan, [task for task in second.tasks if task.experiment not in second.blocked]))
    return _Chain(first + second.tasks, second.blocked)


def _chosen(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.row in plan.chosen]


def _chained(plan: Plan, found: Found) -> _Chain:
    """The tasks of the rows that paste what another row's detector outlines, with the same seed."""
    chain = _Chain([], {})
    for name, row in plan.study.rows.items():
        if row.pseudo_labels_of is None or name in plan.skipped:
            continue
        for seed in range(plan.seeds):
            before = plan.task(row.pseudo_labels_of, seed)
            one = found.get(before.experiment)
            if one is None or one.state != "finished":
                task = plan.task(name, seed)
                chain.blocked[task.experiment] = f"it stands on {before.experiment}, which is not finished"
            else:
                file = label_images(one, before.params["evaluate"])
                task = plan.task(name, seed, {"paste.foregrounds": "file", "paste.foregrounds_file": str(file)})
            chain.tasks.append(task)
    return chain


def _say_what_goes_along(plan: Plan) -> None:
    """What DVC does with a working tree that differs from the commit."""
    changed, code = changed_files(), experiments.code_of(plan.stages)
    if changed:
        print(
            f"{len(changed)} tracked files differ from commit {experiments.head_commit()[:7]} ({_some(changed)}): the "
            "experiments take these changes along; commit them for results that others can make again",
            file=sys.stderr,
        )
    untracked = experiments.untracked_code(code)
    if untracked:
        print(
            f"git does not track {_some(untracked)}: the experiments run without; to take it along: git add",
            file=sys.stderr,
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
