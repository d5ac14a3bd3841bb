"""A stage ends as a command should: one message, exit code 1, earlier outputs back in place."""

import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
import yaml
from filelock import FileLock

from empaste.errors import InputError
from empaste.scaleout import map_items
from empaste.studies.collecting import COST
from stages.restore import cache_folder, restore_outputs
from stages.runner import stage

ROOT = Path(__file__).parents[2]
TOY = """
import sys
from pathlib import Path
import typer
import yaml
sys.path.insert(0, {root!r})
from stages.runner import stage
from empaste.errors import InputError

@stage("toy")
def main(out: Path = Path("data/out")) -> None:
    value = yaml.safe_load(Path("params.yaml").read_text())["toy"]["value"]
    if value < 0:
        raise InputError(f"toy.value is {{value}}; choose 0 or more")
    out.mkdir(parents=True)
    (out / "value.txt").write_text(str(value))
    Path("metric.json").write_text(f'{{{{"value": {{value}}}}}}')

typer.run(main)
"""
PIPELINE = """
stages:
  toy:
    cmd: {python} toy.py
    params: [toy]
    deps: [toy.py]
    outs: [data/out]
    metrics: [metric.json]
"""


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("paste.n_p is 0; choose 1 or more"), "ERROR in stage toy: paste.n_p is 0; choose 1 or more"),
        (OSError(errno.ENOSPC, "No space left on device", "data/x"), "the disk is full (data/x); free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "data/x"), "Permission denied: 'data/x'"),
        (MemoryError("Unable to allocate 8 GiB"), "memory is used up (Unable to allocate 8 GiB); free some"),
    ],
)
def test_bad_input_ends_with_one_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    @stage("toy")
    def main() -> None:
        raise error

    with pytest.raises(typer.Exit) as raised:
        main()
    assert raised.value.exit_code == 1
    assert said in capsys.readouterr().err


def test_a_misfit_in_another_stages_section_ends_the_stage_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not hours later, when that stage runs."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["train"]["iterations"] = 0
    Path("params.yaml").write_text(yaml.safe_dump(content))
    ran = []

    @stage("toy")
    def main(params: Path = Path("params.yaml")) -> None:
        ran.append(params)

    with pytest.raises(typer.Exit):
        main()
    assert "train.iterations is 0" in capsys.readouterr().err
    assert not ran
    content["train"]["iterations"] = 1
    Path("params.yaml").write_text(yaml.safe_dump(content))
    main()
    assert ran == [Path("params.yaml")]


def work(_: int) -> None:
    """Takes a fifth of a second of CPU time."""
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass


def test_what_it_cost_is_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    @stage("toy")
    def main(items: int = 0) -> None:
        work(0)
        list(map_items(work, range(items), "toy", 2))

    costs = []
    for items in (0, 20):
        main(items)
        found = COST.search(capsys.readouterr().err)
        assert found
        costs.append(float(found[2]))
    assert costs[0] >= 0.2
    assert costs[1] - costs[0] >= 20 * 0.2  # worker processes count, too


def test_a_defect_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    @stage("toy")
    def main() -> None:
        raise KeyError("a defect of ours")

    with pytest.raises(KeyError):
        main()


def test_a_second_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = []
    command = stage("toy")(lambda: ran.append(1))
    (tmp_path / ".work").mkdir()
    with FileLock(tmp_path / ".work" / "toy.lock"), pytest.raises(typer.Exit):
        command()
    assert "another process runs this stage" in capsys.readouterr().err
    assert not ran
    command()
    assert ran == [1]


def test_the_cache_is_found_where_it_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache_folder() == Path(".dvc/cache/files/md5")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[cache]\n    dir = ../elsewhere\n")
    assert cache_folder() == tmp_path / "elsewhere" / "files" / "md5"
    odd = tmp_path / "100% ü, a#b"
    (tmp_path / ".dvc" / "config.local").write_text(f'[cache]\n    dir = "{odd}"\n', encoding="utf-8")
    assert cache_folder() == odd / "files" / "md5"


def test_a_failed_stage_leaves_its_earlier_outputs(tmp_path: Path) -> None:
    root = str(ROOT)
    (tmp_path / "toy.py").write_text(TOY.format(root=root))
    (tmp_path / "dvc.yaml").write_text(PIPELINE.format(python=sys.executable))
    (tmp_path / "params.yaml").write_text("toy:\n  value: 1\n")
    dvc = (sys.executable, "-m", "dvc")
    assert run(*dvc, "init", "--no-scm", folder=tmp_path).returncode == 0
    assert run(*dvc, "repro", folder=tmp_path).returncode == 0
    (tmp_path / "params.yaml").write_text("toy:\n  value: -1\n")
    failed = run(*dvc, "repro", folder=tmp_path)
    assert failed.returncode != 0
    assert "toy.value is -1; choose 0 or more\nThe earlier outputs are back in place." in failed.stderr
    assert (tmp_path / "data" / "out" / "value.txt").read_text() == "1"
    assert (tmp_path / "metric.json").read_text() == '{"value": 1}'
    (tmp_path / "params.yaml").write_text("toy:\n  value: 1\n")
    again = run(*dvc, "repro", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "toy: done" not in again.stderr


def test_a_python_without_the_packages_is_told_what_to_do() -> None:
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import stages.prepare"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "source .venv/bin/activate" in done.stderr


@pytest.mark.parametrize("record", [None, "", "stages: [", "- 1", "stages: {other: {outs: [{path: out, md5: ab}]}}"])
def test_without_a_record_of_the_stage_nothing_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    if record is not None:
        Path("dvc.lock").write_text(record)
    before = sorted(tmp_path.iterdir())
    assert not restore_outputs("toy")
    assert sorted(tmp_path.iterdir()) == before
