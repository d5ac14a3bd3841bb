"""A study on DVC itself: a repository of two trivial stages, a row that fails, a kill of everything, and going on."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from empaste.studies import Request, experiments, run_study, running
from empaste.studies.experiments import (
    code_of,
    find_experiments,
    head_commit,
    same_code,
    set_aside,
    snapshot,
    untracked_code,
)
from empaste.tracking.identity import changed_files
from tests.studies.studies import TOP, write_study

PIPELINE = {
    "stages": {
        "paste": {
            "cmd": "python -m stages.paste",
            "params": ["paste"],
            "deps": ["stages/paste.py", "src/tiny.py"],
            "outs": ["data/composites"],
        },
        "evaluate": {
            "cmd": "python -m stages.evaluate",
            "params": ["evaluate", "report"],
            "deps": ["stages/evaluate.py", "data/composites"],
            "metrics": ["metrics/evaluate.json"],
        },
    }
}
PASTE = """
import os, pathlib, sys, time, yaml, tiny
assert "/.dvc/tmp/exps/" in tiny.__file__, "the code that was queued runs, not the workspace's"
paste = yaml.safe_load(pathlib.Path("params.yaml").read_text())["paste"]
top = pathlib.Path(os.environ["DVC_ROOT"])
with (top / "runs").open("a") as stream:
    stream.write(f"{paste['n_p']} ")
print("paste: done in 1.5 s; 2.5 s of CPU", flush=True)
while paste["n_p"] == 6 and (top / "hold").exists():
    time.sleep(0.1)
if paste["n_p"] == 5:
    sys.exit("no room for 5")
pathlib.Path("data").mkdir(exist_ok=True)
pathlib.Path("data/composites").write_text(str(paste["n_p"] + paste["seed"]))
"""
EVALUATE = """
import json, pathlib
value = float(pathlib.Path("data/composites").read_text())
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path("metrics/evaluate.json").write_text(json.dumps({"mask": {"AP50": value, "AP75": None}}))
"""
ROWS = {
    "few": {"title": "One", "set": {"paste.n_p": 1}, "published": {"mAP50": 56.5}},
    "twin": {"title": "One again", "set": {"paste.n_p": 1}},
    "broken": {"title": "Five", "set": {"paste.n_p": 5}},
    "many": {"title": "Six", "set": {"paste.n_p": 6}},
    "cob": {"title": "COB", "set": {"paste.n_p": 2}, "needs": {"proposals.cob.root": "a folder"}},
}
STARTER = """
from empaste.studies import Request, experiments, run_study
experiments.visible_gpus = list
run_study(Request("numbers", rows=["few", "many"], seeds=1, jobs=1), poll_seconds=60.0)
"""
SECONDS = 900
"""For so long the test waits for the first row to run, on however busy a machine."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository whose pipeline is committed, and not run; nothing of it runs afterwards."""
    root = tmp_path / "repository"
    texts = {"dvc.yaml": yaml.safe_dump(PIPELINE), "stages/__init__.py": "", "stages/paste.py": PASTE,
             "stages/evaluate.py": EVALUATE, "src/tiny.py": ""}  # fmt: skip
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / ".gitignore").write_text("/runs\n/hold\n/.work/\n__pycache__/\n")
    shutil.copy(TOP / "params.yaml", root)
    write_study(root, last_stage="evaluate", rows=ROWS)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(root)
    for command in ("git init -q -b main", "dvc init -q", "git add -A", "git commit -qm start"):
        subprocess.run(command.split(), check=True)
    yield root
    kill_all_below(root)


def num_runs(root: Path) -> Counter[str]:
    """How often the first stage ran, by ``paste.n_p``."""
    return Counter((root / "runs").read_text().split())


def kill_all_below(root: Path) -> None:
    """Everything that runs in the repository, or by its workers, is killed at once."""
    for process in psutil.process_iter(["cwd", "cmdline"]):
        place = f"{process.info['cwd']} {process.info['cmdline']}"
        if str(root) in place and process.pid != os.getpid():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_a_killed_study_goes_on_where_it_stood(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "hold").touch()
    study = subprocess.Popen([sys.executable, "-c", STARTER], cwd=root, stdout=subprocess.DEVNULL)
    until = time.monotonic() + SECONDS
    while not (root / "runs").exists() or num_runs(root)["6"] == 0:
        assert study.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    kill_all_below(root)
    study.wait()
    (root / "hold").unlink()
    assert num_runs(root) == {"1": 1, "6": 1}

    (root / "notes.md").write_text("x")
    with (root / "params.yaml").open("a") as stream:
        stream.write("# a change that goes along\n")
    monkeypatch.setattr(running, "PATIENCE", 1)
    monkeypatch.setattr(experiments, "visible_gpus", list)
    result = run_study(Request("numbers", seeds=1, jobs=1), poll_seconds=8.0)
    # What was finished did not run again, and DVC restored the stage of the row that has the same parameters.
    assert num_runs(root) == {"1": 1, "5": 1, "6": 2}
    states = {row.name: [run.state for run in row.runs] for row in result.rows}
    done = ["finished"]
    assert states == {"few": done, "twin": done, "broken": ["failed"], "many": done, "cob": []}
    few, twin, broken, many, cob = result.rows
    assert twin.runs[0].figures == few.runs[0].figures
    assert twin.runs[0].cpu_seconds == 0
    assert few.runs[0].figures == {"evaluate.mask.AP50": 1.0}
    assert few.runs[0].cpu_seconds == 2.5
    assert many.runs[0].figures == {"evaluate.mask.AP50": 6.0}
    assert "no room for 5" in str(broken.runs[0].log)
    assert cob.skipped == "needs proposals.cob.root: a folder"
    assert (root / "docs/results/numbers.json").exists()
    assert result.changed == ["params.yaml"]
    said = capfd.readouterr().err
    assert "1 tracked files differ from commit" in said
    assert "numbers-broken-0 failed:" in said
    assert "no room for 5" in said
    assert "numbers-many-0 lost its worker; it is queued again" in said
    # A finished row can be set aside and applied.
    (many_there,) = [one for one in find_experiments("numbers-many", [head_commit()]) if one.state == "finished"]
    kept = set_aside(many_there)
    assert kept == f"numbers-many-0-of-{many_there.rev[:7]}"
    subprocess.run(["dvc", "exp", "apply", "--quiet", kept], check=True)
    assert yaml.safe_load((root / "params.yaml").read_text())["report"]["tags"]["row"] == "many"
    shown = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True, check=True).stdout
    assert sorted(shown.split()) == ["numbers-few-0", kept, "numbers-twin-0"]


def test_what_goes_along_and_what_is_the_same_code(root: Path) -> None:
    code = code_of(["paste"])
    assert code == ["dvc.yaml", "src/tiny.py", "stages/paste.py"]
    before = snapshot()
    (root / "params.yaml").write_text("paste: {}")
    assert same_code(before, snapshot(), code)
    (root / "src/tiny.py").write_text("x = 1")
    assert not same_code(before, snapshot(), code)
    assert changed_files() == ["params.yaml", "src/tiny.py"]
    (root / "src/new.py").touch()
    assert untracked_code(["src"]) == ["src/new.py"]
    assert find_experiments("numbers-", [before]) == []
