"""The benchmark of the busy share: every stage runs, and what is outside the network does not count."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmarks import stage_busy
from benchmarks.stage_busy import STAGES, Case, main, watched
from empaste.detectors.backend import Network

TOP = Path(__file__).parents[2]
TINY = Case(
    height=32, width=40, segments=3, classifier=("resnet_slim", 8, 32),
    detector=Network("resnet_slim", "standard", False, 8, 64, False, False), detections=2,
)  # fmt: skip


def test_every_stage_has_a_rate_and_a_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(TOP / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(stage_busy.CASES, "demo", TINY)
    main(case="demo", num_images=3, device="cpu", threads=1, stage=None)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["device"], figures["goal"]) == ("cpu", 0.9)
    assert list(figures["stages"]) == list(STAGES)
    for one in figures["stages"].values():
        assert one["per_second"] > 0
        assert 0 < one["busy"] < 1
        assert 0 < one["busy_of_thread"] <= 1


def test_the_outermost_module_counts_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    fake = SimpleNamespace(perf_counter=lambda: clock[0], thread_time=lambda: clock[0] / 2)
    monkeypatch.setattr(stage_busy, "time", fake)

    class Slow(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            clock[0] += 1
            return inputs

    network = nn.Sequential(Slow(), Slow())
    with watched(torch.device("cpu")) as busy:
        network(torch.zeros(1))
        clock[0] += 10
    assert (busy.total(), busy.cpu_seconds) == (2, 1)
    network(torch.zeros(1))
    assert busy.total() == 2, "hooks are gone"
