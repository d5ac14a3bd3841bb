"""The benchmark of the stages' rates: its rows are what the rates take, and those of other cases stay."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.stage_operations import file_sizes, measure_operations
from benchmarks.stage_rates import CASES, Case, classifier, hardware, measure, merged
from empaste.costs.flops import traits
from empaste.costs.rates import NetworkRate, read_rates

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("trains", [False, True])
def test_a_row_is_a_rate(trains: bool) -> None:
    case = classifier("resnet_slim", 32, 8, trains=trains, batch=2)
    row = measure(case)
    rate = NetworkRate.model_validate(row)
    assert rate.kind == f"classifier.{'training' if trains else 'forward'}"
    assert rate.seconds
    assert rate.flop == traits("resnet_slim", 8, 32).flop


def test_what_is_counted_only_has_no_time() -> None:
    layer = torch.nn.Linear(10, 5)
    case = Case("diffusion.decode", "a/b", 8, partial(layer, torch.zeros(4, 10)), 4, counted_only=True)
    row = measure(case)
    assert (row["seconds"], row["flop"]) == (None, 2 * 10 * 5)


def test_newer_rows_replace_those_of_the_same_case() -> None:
    def row(kind: str, seconds: float) -> dict[str, Any]:
        return {"kind": kind, "network": "n", "width": 0, "side": 8, "seconds": seconds}

    assert merged([row("a", 1), row("b", 2)], [row("b", 3), row("c", 4)]) == [row("a", 1), row("b", 3), row("c", 4)]


def test_operations_and_sizes_are_those_of_the_shipped_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(TOP / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.stage_operations.cpu_seconds", lambda run: (run(), 0.5)[1])
    shipped = read_rates().core
    assert measure_operations().keys() == shipped.operations.keys()
    assert file_sizes(None).keys() == shipped.bytes.keys()


def test_every_case_has_its_rows_in_the_shipped_rates() -> None:
    kinds = {one.kind.partition(".")[0] for one in read_rates().core.networks}
    assert {name.partition(" ")[0] for name, _ in CASES} == kinds
    assert hardware().startswith("one core of ")
