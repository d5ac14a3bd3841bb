"""What is run, what is not run again, and what happens to experiments that are lost; DVC is played by a list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from empaste.errors import InputError
from empaste.studies import experiments as dvc
from empaste.studies import running
from empaste.studies.experiments import Experiment, QueueTask
from empaste.studies.plan import Plan, Task
from empaste.studies.running import Runner, last_lines, only_study
from empaste.studies.study import Study
from tests.studies.studies import CONTENT

SHARED: dict[str, Any] = {"paste": {"n_p": 3, "seed": 0}, "report": {"tags": {}}}
PLAN = Plan(
    "numbers", Path("numbers.yaml"), Study.model_validate(CONTENT), ["paste"], SHARED, SHARED, 1, ["few", "many"], {}
)
FEW, MANY = PLAN.task("few", 0), PLAN.task("many", 0)


class FakeDvc:
    """DVC's queue: every look takes the running experiments one step on, and starts as many as there are workers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.experiments: list[Experiment] = []
        self.queued: list[str] = []
        self.forgotten: list[str] = []
        self.kept: list[str] = []
        self.workers = 0
        self.failing: set[str] = set()
        self.code = "now"
        for name in ("find_experiments", "queue_experiment", "forget", "set_aside", "start_workers", "num_workers"):
            monkeypatch.setattr(dvc, name, getattr(self, name))
        self.others: list[QueueTask] = []
        monkeypatch.setattr(dvc, "queue_tasks", lambda: self.others)
        monkeypatch.setattr(dvc, "commits_of", lambda _prefix, _tasks: ["head"])
        monkeypatch.setattr(dvc, "head_commit", lambda: "head")
        monkeypatch.setattr(dvc, "code_of", lambda _: ["src"])
        monkeypatch.setattr(dvc, "visible_gpus", list)
        monkeypatch.setattr(dvc, "snapshot", lambda: "now")
        monkeypatch.setattr(dvc, "same_code", lambda rev, other, _: rev.partition("@")[2] == other)

    def put(self, task: Task, state: Any, code: str = "now", begun_at: str = "head", pid: int | None = None) -> None:
        rev = f"{len(self.experiments)}@{code}"
        self.experiments.append(Experiment(task.experiment, rev, begun_at, state, task.params, {}, None, pid))

    def find_experiments(self, prefix: str, commits: Sequence[str]) -> list[Experiment]:
        assert (prefix, list(commits)) == ("numbers-", ["head"])
        self._step()
        return list(self.experiments)

    def _step(self) -> None:
        for place, one in enumerate(self.experiments):
            if one.state == "running" and one.pid == 1:
                self.experiments[place] = one._replace(state="failed" if one.name in self.failing else "finished")
        for place, one in enumerate(self.experiments):
            busy = sum(one.state == "running" for one in self.experiments)
            if one.state == "queued" and busy < self.workers:
                self.experiments[place] = one._replace(state="running", pid=1)

    def queue_experiment(self, name: str, settings: Sequence[str], last_stage: str) -> None:
        self.queued.append(name)
        self.put({"numbers-few-0": FEW, "numbers-many-0": MANY}[name], "queued", self.code)
        assert f"++report.tags={{study:'numbers',row:'{name[8:-2]}',seed:0}}" in settings
        assert last_stage == "report"

    def forget(self, one: Experiment) -> None:
        self.forgotten.append(one.rev)
        self.experiments.remove(one)

    def set_aside(self, one: Experiment) -> str:
        self.kept.append(one.rev)
        self.experiments[self.experiments.index(one)] = one._replace(name="elsewhere")
        return "elsewhere"

    def start_workers(self, jobs: int, gpus: Sequence[str]) -> None:
        assert gpus == []
        self.workers = jobs

    def num_workers(self) -> int:
        return sum(one.pid == 1 and one.state == "running" for one in self.experiments)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeDvc:
    return FakeDvc(monkeypatch)


def states(found: Mapping[str, Experiment]) -> dict[str, str]:
    return {name: one.state for name, one in found.items()}


BOTH_FINISHED = {"numbers-few-0": "finished", "numbers-many-0": "finished"}


def test_what_is_missing_is_queued_and_runs(queue: FakeDvc) -> None:
    assert states(Runner(PLAN, 1, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.queued == ["numbers-few-0", "numbers-many-0"]
    assert queue.workers == 1


def test_what_is_finished_is_not_run_again_whichever_commit_it_began_at(queue: FakeDvc) -> None:
    queue.put(FEW, "finished", begun_at="earlier")
    queue.put(MANY, "finished")
    assert states(Runner(PLAN, 2, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.queued == []
    assert queue.workers == 0


def test_what_runs_or_waits_is_waited_for(queue: FakeDvc) -> None:
    queue.put(FEW, "running", pid=1)
    queue.put(MANY, "queued")
    assert states(Runner(PLAN, 1, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.queued == []


def test_what_is_of_other_code_or_parameters_is_kept_and_run_again(
    queue: FakeDvc, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.put(FEW, "finished", code="before")
    queue.put(MANY._replace(params={"paste": {}}), "finished")
    assert states(Runner(PLAN, 2, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.kept == ["0@before", "1@now"]
    assert "numbers-few-0 is of other code or parameters; it is kept as elsewhere" in capsys.readouterr().err
    assert queue.queued == ["numbers-few-0", "numbers-many-0"]


def test_what_waits_with_other_code_is_queued_anew(queue: FakeDvc) -> None:
    queue.put(FEW, "queued", code="before")
    Runner(PLAN, 1, 0).run([FEW])
    assert queue.forgotten == ["0@before"]
    assert queue.queued == ["numbers-few-0"]


def test_what_runs_with_other_code_ends_the_study(queue: FakeDvc) -> None:
    queue.put(FEW, "running", code="before", pid=1)
    queue._step = lambda: None  # type: ignore[method-assign]  # it goes on running
    with pytest.raises(InputError, match="numbers-few-0 runs with other code or parameters; wait for it"):
        Runner(PLAN, 1, 0).run([FEW])


def test_a_failed_row_is_told_the_others_finish_and_it_is_tried_again(
    queue: FakeDvc, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.failing.add("numbers-few-0")
    found = Runner(PLAN, 1, 0).run([FEW, MANY])
    assert states(found) == {"numbers-few-0": "failed", "numbers-many-0": "finished"}
    assert "numbers-few-0 failed:\nit left no log: it ended before its first stage" in capsys.readouterr().err
    queue.failing.clear()
    assert states(Runner(PLAN, 1, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.queued == ["numbers-few-0", "numbers-many-0", "numbers-few-0"]


def test_experiments_of_others_in_the_queue_are_told(queue: FakeDvc, capsys: pytest.CaptureFixture[str]) -> None:
    queue.others = [QueueTask("1234567", "more", "Queued"), QueueTask("1234568", "most", "Failed")]
    Runner(PLAN, 1, 0).run([FEW])
    assert "1 other experiments wait in DVC's queue; the workers run them, too" in capsys.readouterr().err


def test_an_interruption_says_what_goes_on(
    queue: FakeDvc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_jobs: int, _gpus: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dvc, "start_workers", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Runner(PLAN, 1, 0).run([FEW])
    assert queue.queued == ["numbers-few-0"]
    assert "interrupted; DVC's workers go on (to end them: dvc queue stop --kill)" in capsys.readouterr().err


def test_what_lost_its_worker_is_queued_again(queue: FakeDvc, capsys: pytest.CaptureFixture[str]) -> None:
    queue.put(FEW, "running", pid=None)  # its worker was killed: it would stay so for ever
    queue.put(MANY, "finished")
    assert states(Runner(PLAN, 1, 0).run([FEW, MANY])) == BOTH_FINISHED
    assert queue.forgotten == ["0@now"]
    assert "numbers-few-0 lost its worker; it is queued again" in capsys.readouterr().err


def test_what_is_being_set_up_by_a_worker_is_not_lost(queue: FakeDvc, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(100))
    queue.put(FEW, "running", pid=None)

    def step() -> None:
        if next(looks) == 6:
            queue.experiments[0] = queue.experiments[0]._replace(state="finished")

    monkeypatch.setattr(queue, "_step", step)
    monkeypatch.setattr(dvc, "num_workers", lambda: 1)
    Runner(PLAN, 1, 0).run([FEW])
    assert queue.forgotten == []


def test_code_that_changes_while_rows_are_queued_ends_the_study(queue: FakeDvc) -> None:
    queue.code = "after"
    with pytest.raises(InputError, match=r"code or params\.yaml changed while numbers-few-0 was queued"):
        Runner(PLAN, 1, 0).run([FEW])


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {number}\n" for number in range(30)) + "\r 1 %\r 2 %")
    one = Experiment("x", "r", "h", "failed", {}, {}, log, 1)
    lines = last_lines(one).splitlines()
    assert len(lines) == running.LOG_LINES
    assert lines[-2:] == [" 1 %", " 2 %"]


def test_one_study_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with only_study():
        pass
    with (
        FileLock(tmp_path / running.LOCK),
        pytest.raises(InputError, match=r"another study runs in this repository, and DVC has one queue; wait"),
        only_study(),
    ):
        pass
