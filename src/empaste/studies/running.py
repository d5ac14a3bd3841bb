"""Run what a plan lacks as DVC experiments, and watch them until all have ended.

Nothing is kept here between calls: what is finished, runs or waits is read from DVC each time. A study that was
interrupted or killed is called again and goes on where it stood; DVC's workers meanwhile go on without it.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from empaste.errors import InputError
from empaste.studies import experiments as dvc
from empaste.studies.experiments import Experiment
from empaste.studies.plan import Plan, Task

LOCK = Path(".work/study.lock")
POLL_SECONDS = 60.0
"""Between two looks at the queue, each of which takes DVC two seconds of CPU time."""
PATIENCE = 3
"""For so many looks an experiment may lack a process, or a worker, before something is done about it."""
RANKS = ("finished", "running", "queued", "failed")
LOG_LINES = 12
"""Lines of a failed run's log that are shown."""

Found = Mapping[str, Experiment]
"""By its name, the experiment of a task."""


@contextmanager
def only_study() -> Iterator[None]:
    """No other study runs in this repository meanwhile; `InputError` where one does."""
    LOCK.parent.mkdir(exist_ok=True)
    try:
        with FileLock(LOCK, blocking=False):
            yield
    except Timeout as error:
        raise InputError(
            f"another study runs in this repository, and DVC has one queue; wait until it has ended ({LOCK})"
        ) from error


@dataclass(frozen=True)
class Runner:
    """Runs tasks of ``plan``, ``jobs`` at a time. What counts as the same code is fixed when it first looks at any."""

    plan: Plan
    jobs: int
    poll_seconds: float = POLL_SECONDS

    @cached_property
    def code_at(self) -> str:
        """The commit that has the code."""
        return dvc.snapshot()

    @cached_property
    def code(self) -> list[str]:
        """The code that the rows depend on."""
        return dvc.code_of(self.plan.stages)

    @cached_property
    def gpus(self) -> list[str]:
        """What the workers share out."""
        return dvc.visible_gpus()

    @cached_property
    def _commits(self) -> list[str]:
        """Those at which experiments of this name began."""
        tasks = dvc.queue_tasks()
        others = [task.name for task in tasks if task.state == "Queued" and not task.name.startswith(self._prefix)]
        if others:
            print(f"{len(others)} other experiments wait in DVC's queue; the workers run them, too", file=sys.stderr)
        return dvc.commits_of(self._prefix, tasks)

    @property
    def _prefix(self) -> str:
        return f"{self.plan.name}-"

    @cached_property
    def _judged(self) -> dict[str, bool]:
        return {}

    def run(self, tasks: Sequence[Task]) -> Found:
        """The experiments of ``tasks``, all of which have ended: finished or failed. What is finished is not run again.

        `InputError` where the workspace changed while experiments were queued, or one of other code still runs.
        """
        if not tasks:
            return {}
        there = self.take_stock(tasks)
        missing = [task for task in tasks if task.experiment not in there]
        for task in tqdm(missing, f"{self.plan.name}: queue", unit="row", disable=not missing):
            self._queue(task)
        try:
            return self._watch(tasks)
        except KeyboardInterrupt:
            print(
                "interrupted; DVC's workers go on (to end them: dvc queue stop --kill). The same command goes on "
                "from here",
                file=sys.stderr,
            )
            raise

    def find(self, tasks: Sequence[Task]) -> Found:
        """The experiments of ``tasks`` that are there, of this code and these parameters."""
        return self._best(tasks, dvc.find_experiments(self._prefix, self._commits))

    def take_stock(self, tasks: Sequence[Task]) -> Found:
        """Those of ``tasks`` that are finished, run or wait; the names of all others are free to be queued."""
        experiments = dvc.find_experiments(self._prefix, self._commits)
        there = {name: one for name, one in self._best(tasks, experiments).items() if one.state != "failed"}
        names = {task.experiment for task in tasks}
        for one in experiments:
            if one.name in names and one is not there.get(one.name):
                self._free_name(one)
        return there

    def _free_name(self, one: Experiment) -> None:
        """The name of an experiment that failed, or is of other code or parameters, can be queued."""
        if one.state == "running":
            raise InputError(
                f"{one.name} runs with other code or parameters; wait for it, or end it: dvc queue kill {one.name}"
            )
        if one.state != "finished":
            dvc.forget(one)
        elif one.begun_at == dvc.head_commit():
            kept = dvc.set_aside(one)
            print(f"{one.name} is of other code or parameters; it is kept as {kept}", file=sys.stderr)

    def _best(self, tasks: Sequence[Task], experiments: Sequence[Experiment]) -> dict[str, Experiment]:
        """By name, the experiment of a task's code and parameters that is farthest."""
        wanted = {task.experiment: task for task in tasks}
        found: dict[str, Experiment] = {}
        for one in experiments:
            known = found.get(one.name)
            if one.name not in wanted or not self._fits(one, wanted[one.name]):
                continue
            if known is None or RANKS.index(one.state) <= RANKS.index(known.state):
                found[one.name] = one
        return found

    def _fits(self, one: Experiment, task: Task) -> bool:
        """Whether the experiment is of the task's parameters and of this code."""
        if one.params != task.params:
            return False
        if one.rev not in self._judged:
            self._judged[one.rev] = dvc.same_code(one.rev, self.code_at, self.code)
        return self._judged[one.rev]

    def _queue(self, task: Task) -> None:
        dvc.queue_experiment(task.experiment, self.plan.settings(task), self.plan.study.last_stage)

    def _watch(self, tasks: Sequence[Task]) -> Found:
        """The experiments of ``tasks`` once all have ended; meanwhile workers are kept at work."""
        looks = Counter[str]()
        told = set[str]()
        with tqdm(total=len(tasks), desc=self.plan.name, unit="row") as bar:
            while True:
                found = self._look(tasks)
                for one in found.values():
                    if one.state == "failed" and one.name not in told:
                        bar.write(f"{one.name} failed:\n{last_lines(one)}", file=sys.stderr)
                        told.add(one.name)
                waiting = [one for one in found.values() if one.state in ("running", "queued")]
                bar.n = len(found) - len(waiting)
                bar.set_postfix_str(", ".join(one.name for one in waiting if one.state == "running"))
                if not waiting:
                    return found
                self._tend(tasks, waiting, looks)
                time.sleep(self.poll_seconds)

    def _look(self, tasks: Sequence[Task]) -> Found:
        """The experiments of ``tasks``; `InputError` where one that was queued is of other code or parameters."""
        experiments = dvc.find_experiments(self._prefix, self._commits)
        found = self._best(tasks, experiments)
        others = {one.name for one in experiments if one.begun_at == dvc.head_commit()} - found.keys()
        changed = sorted(others & {task.experiment for task in tasks})
        if changed:
            raise InputError(
                f"code or params.yaml changed while {', '.join(changed)} was queued; leave the workspace alone until "
                "all rows are queued, and call the study again"
            )
        return found

    def _tend(self, tasks: Sequence[Task], waiting: Sequence[Experiment], looks: Counter[str]) -> None:
        """What lost its worker is queued again, and workers are there for what waits."""
        running = [one for one in waiting if one.state == "running"]
        for one in running:
            looks[one.rev] = 0 if one.lives else looks[one.rev] + 1
        lost = [one.rev for one in running if looks[one.rev] >= PATIENCE]
        if lost and dvc.num_workers() < len(running):
            self._queue_again(tasks, lost)
        idle = len(running) < min(self.jobs, len(waiting))
        if idle and looks["start"] % PATIENCE == 0:
            dvc.start_workers(min(self.jobs, len(waiting)), self.gpus)
        looks["start"] = looks["start"] + 1 if idle else 0

    def _queue_again(self, tasks: Sequence[Task], lost: Sequence[str]) -> None:
        """What still runs of the experiments ``lost``, by commit, after another look."""
        by_name = {task.experiment: task for task in tasks}
        for one in self._look(tasks).values():
            if one.rev in lost and one.state == "running":
                print(f"{one.name} lost its worker; it is queued again", file=sys.stderr)
                dvc.forget(one)
                self._queue(by_name[one.name])


def last_lines(experiment: Experiment) -> str:
    """The end of an experiment's log."""
    if experiment.log is None or not experiment.log.exists():
        return "it left no log: it ended before its first stage (see .dvc/tmp/exps/celery/*.out)"
    lines = experiment.log.read_text(errors="replace").replace("\r", "\n").splitlines()
    return "\n".join([line for line in lines if line.strip()][-LOG_LINES:])
