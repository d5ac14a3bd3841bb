"""Training in two processes, which are really started: by the parameter, and by torchrun."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml

from empaste.detectors import distributed, training
from empaste.detectors.distributed import Group
from empaste.errors import InputError
from tests.detectors.tiny_settings import fit_tiny, tiny_settings
from tests.stages.test_train import make_workspace, outputs, start

FEW: dict[str, Any] = {"iterations": 4, "batch_size": 8, "checkpoint_every": 2, "learning_rate": 3e-4}


def fit(composites: Path, root: Path, **changes: Any) -> list[dict[str, float]]:
    return fit_tiny("torchvision", composites, root, **FEW | changes)


def losses(curve: list[dict[str, float]]) -> list[float]:
    return [row["loss"] for row in curve]


def test_two_processes_follow_one_process(composites: Path, tmp_path: Path) -> None:
    """The curve is that of one process that works off the batch in two parts, and nearly that of the whole batch.

    The whole batch draws other anchors and normalises over all.
    """
    told: list[int] = []
    (tmp_path / "two/model").mkdir(parents=True)
    (tmp_path / "two/work").mkdir()
    settings = tiny_settings(**FEW, num_processes=2)
    two = training.fit(
        composites, tmp_path / "two/model", work=tmp_path / "two/work", settings=settings,
        on_step=lambda step, _values: told.append(step),
    )  # fmt: skip
    assert told == [1, 2, 3, 4]
    np.testing.assert_allclose(losses(two), losses(fit(composites, tmp_path / "parts", accumulate=2)), rtol=1e-4)
    np.testing.assert_allclose(losses(two), losses(fit(composites, tmp_path / "one")), rtol=0.1)
    files = sorted(path.relative_to(tmp_path / "two").as_posix() for path in (tmp_path / "two").rglob("*.*"))
    assert files == [
        "model/config.json",
        "model/model.safetensors",
        "work/checkpoint.pt",
        "work/checkpoint.pt.previous",
    ]
    assert not torch.distributed.is_initialized()


def test_all_but_the_first_process_write_nothing(composites: Path, tmp_path: Path) -> None:
    for name in ("model", "work"):
        (tmp_path / name).mkdir()
    settings = tiny_settings(**FEW, num_processes=2)
    second = Group(1, 1, torch.device("cpu"))
    told: list[int] = []
    training._fit(composites, tmp_path / "model", tmp_path / "work", settings, second)
    assert told == []
    assert not list((tmp_path / "model").iterdir())
    assert not list((tmp_path / "work").iterdir())


def workspace(folder: Path, **changes: Any) -> Path:
    make_workspace(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"] |= {"num_processes": 2, "checkpoint_every": 1, "iterations": 8} | changes
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return folder


def finish(process: subprocess.Popen[str]) -> str:
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    return told


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a training in two processes writes."""
    folder = workspace(tmp_path_factory.mktemp("started") / "undisturbed")
    finish(start(folder))
    return outputs(folder)


def test_a_killed_process_ends_the_training_which_then_goes_on(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    folder = workspace(tmp_path / "killed")
    first = start(folder)
    while not list(folder.glob(".work/train/*/checkpoint.pt")) and first.poll() is None:
        time.sleep(0.01)
    other = next(child for child in psutil.Process(first.pid).children() if "spawn_main" in " ".join(child.cmdline()))
    other.send_signal(signal.SIGKILL)
    told = first.communicate(timeout=120)[1]
    assert first.returncode == 1
    assert (
        "training process 1 of 2 ended (exit code -9); training goes on from the last checkpoint with: dvc repro"
        in told
    )
    assert not (folder / "models").exists()
    assert "going on from" in finish(start(folder))
    assert outputs(folder) == undisturbed


def test_torchrun_gives_what_the_parameter_gives(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    folder = workspace(tmp_path / "launched")
    finish(start(folder, *TORCHRUN, "2"))
    assert outputs(folder) == undisturbed


def test_torchrun_with_another_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with (
        pytest.raises(
            InputError, match=r"torchrun started 4 processes, but train\.num_processes is 2; make them equal"
        ),
        distributed.joined(2, "cpu", print, ()),
    ):
        pass


def test_too_few_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "torch_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(
        InputError, match=r"2 processes on this machine, which has 1 GPU\(s\).*lower train\.num_processes"
    ):
        distributed._device("cuda", 0, 2)


def test_outside_torchrun_this_is_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    assert distributed.launched_rank() == 0
    monkeypatch.setenv("RANK", "3")
    assert distributed.launched_rank() == 3
