"""A map gives the same results, in order, however many workers there are; errors come through, and deaths are named."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import empaste
from empaste.errors import InputError
from empaste.per_process import PerProcess
from empaste.scaleout import map_items, num_workers
from empaste.scaleout.processes import _what_died
from empaste.scaleout.workers import WINDOW

STAGE = """
import sys
import time
from pathlib import Path

import typer

import empaste.errors
from empaste.scaleout import map_items


def where(item: int) -> str:
    return empaste.errors.__file__


def slow(item: int) -> None:
    Path("begun").touch()
    time.sleep(60)


def main(wait: bool = False) -> None:
    print(*set(map_items(slow if wait else where, range(20), "toy", workers=2)))


if __name__ == "__main__":
    typer.run(main)
"""


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A workspace with code of its own, whose package of stages puts it first on the path."""
    source = Path(empaste.__file__).parent
    (tmp_path / "src" / "empaste").mkdir(parents=True)
    for name in ("__init__.py", "errors.py"):
        shutil.copy(source / name, tmp_path / "src" / "empaste")
    shutil.copytree(source / "scaleout", tmp_path / "src" / "empaste" / "scaleout")
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys" / "__init__.py").write_text(f"import sys\nsys.path.insert(0, {str(tmp_path / 'src')!r})\n")
    (tmp_path / "toys" / "toy.py").write_text(STAGE)
    return tmp_path


def draw(item: int, seed: int) -> float:
    return float(np.random.default_rng([seed, item]).random())


def refuse_eleven(item: int) -> int:
    if item == 11:
        raise InputError("item 11 is bad")
    return item


def end(item: str, how: int) -> str:
    """Of ``how``, negative numbers are signals, others exit codes."""
    if item == "image 11":
        if how < 0:
            os.kill(os.getpid(), -how)
        os._exit(how)
    return item


def test_one_and_many_workers_agree() -> None:
    function = partial(draw, seed=3)
    alone = list(map_items(function, range(40), "draw", workers=1))
    assert alone == [function(item) for item in range(40)]
    assert list(map_items(function, range(40), "draw", workers=3)) == alone


def name_process() -> str:
    return f"{os.getpid()} {time.monotonic_ns()}"


def call_network(_item: int, network: PerProcess[str]) -> tuple[int, str]:
    return os.getpid(), network()


def test_a_value_per_process_is_made_once_in_every_worker() -> None:
    function = partial(call_network, network=PerProcess(name_process))
    seen = set(map_items(function, range(40), "name", workers=2))
    assert len(seen) == len({process for process, _ in seen}) <= 2
    assert all(name.startswith(f"{process} ") for process, name in seen)


def note_begun(item: int, folder: Path) -> int:
    (folder / str(item)).touch()
    return item


def count_when_still(folder: Path) -> int:
    """The number of files once no further one has come for a second."""
    before = -1
    while (now := len(list(folder.iterdir()))) != before:
        before = now
        time.sleep(1)
    return now


def test_no_more_is_done_ahead_than_the_window(tmp_path: Path) -> None:
    results = map_items(partial(note_begun, folder=tmp_path), range(600), "note", workers=2)
    assert next(results) == 0
    assert count_when_still(tmp_path) <= (WINDOW * 2 + 1) * 16
    assert list(results) == list(range(1, 600))


def test_a_map_that_is_closed_early_leaves_no_process(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    results = map_items(partial(note_begun, folder=tmp_path), range(600), "note", workers=2)
    next(results)
    assert isinstance(results, Generator)
    results.close()
    ends_by = time.monotonic() + 30
    while not set(multiprocessing.active_children()) <= before:
        assert time.monotonic() < ends_by
        time.sleep(0.05)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_map(workers: int) -> None:
    with pytest.raises(InputError, match="item 11 is bad"):
        list(map_items(refuse_eleven, range(20), "check", workers=workers))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (-signal.SIGKILL, "was killed, as the system does where memory runs out, at work on"),
        (-signal.SIGSEGV, r"crashed \(SIGSEGV\) at work on"),
        (3, "ended with exit code 3 at work on"),
    ],
)
def test_a_worker_that_dies_is_named_with_its_item(how: int, said: str) -> None:
    names = [f"image {number}" for number in range(20)]
    expected = rf"^prepare: a worker process {said} item 12 of 20 \('image 11'\)\. Run again .*EMPASTE_WORKERS, now 2\)"
    with pytest.raises(InputError, match=expected):
        list(map_items(partial(end, how=how), names, "prepare", workers=2))


def test_a_worker_that_dies_as_it_begins_its_note_is_named_without_an_item(tmp_path: Path) -> None:
    (tmp_path / "7").write_text("")
    said = _what_died("prepare", [], tmp_path, ["image 0", "image 1"], workers=2)
    assert said.startswith("prepare: a worker process ended before it began an item. Run again")
    assert "image" not in said
    (tmp_path / "8").write_text("0")
    assert "at work on item 1 of 2 ('image 0')" in _what_died("prepare", [], tmp_path, ["image 0", "image 1"], 2)


def test_workers_run_the_workspaces_code_and_warn_of_nothing(stage: Path) -> None:
    command = [sys.executable, "-m", "toys.toy"]
    done = subprocess.run(command, cwd=stage, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == [str(stage / "src" / "empaste" / "errors.py")]
    assert "Warning" not in done.stderr


def test_ctrl_c_ends_it_quietly_and_at_once(stage: Path) -> None:
    command = [sys.executable, "-m", "toys.toy", "--wait"]
    with subprocess.Popen(
        command, cwd=stage, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for _ in range(600):
            if (stage / "begun").exists():
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode != 0
    assert "Traceback" not in said
    assert "Exception" not in said


def test_the_environment_sets_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    assert num_workers() == 3
    for value in ("0", "two", "-1", "²", ""):
        monkeypatch.setenv("EMPASTE_WORKERS", value)
        with pytest.raises(InputError, match="EMPASTE_WORKERS is"):
            num_workers()
