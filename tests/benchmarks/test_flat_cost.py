"""The benchmark of the cost per item: its steps follow from each other, and its figures from what was measured."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import flat_cost
from benchmarks.flat_cost import draw, project, slopes, summarise, table
from benchmarks.flat_items import DETECTIONS, NUM_VAL, SEGMENTS
from benchmarks.flat_steps import COUNTS, STEPS, main

ITEMS = 12


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc")
def test_the_steps_work_on_so_many_items(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for name in STEPS:
        main(name, "make", ITEMS)
        main(name, "run", ITEMS)
        figures = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert figures["items"] == ITEMS
        assert figures["mib_peak"] >= figures["mib_before"] > 0
    assert len(pd.read_parquet("data/images/images.parquet")) == ITEMS + NUM_VAL
    assert len(pd.read_parquet("data/segments/segments.parquet")) == ITEMS * SEGMENTS
    assert len(json.loads(Path("data/detections/val.json").read_text())) == ITEMS * DETECTIONS
    assert json.loads(Path("metrics/paste.json").read_text())["images"] == ITEMS
    assert len(list(Path("repository/files").iterdir())) == ITEMS, "checked out again"
    assert len(list(Path("remote").rglob("*.dir"))) == 1


def measured(items: int, cpu_seconds: float, mib: float) -> dict[str, Any]:
    return {"items": items, "seconds": 9.0, "cpu_seconds": cpu_seconds, "mib_before": 100.0, "mib_peak": 100.0 + mib}


ROWS = [measured(1000, 3.0, 1.0), measured(10_000, 12.0, 10.0), measured(100_000, 120.0, 100.0)]


def test_growth_leaves_out_what_a_step_costs_to_begin() -> None:
    summary = summarise("paste", ROWS)
    assert summary["ms_per_item"] == [3.0, 1.2, 1.2]
    assert (summary["ms_of_one_more"], summary["growth"], summary["memory_growth"]) == (1.2, 1.2, 1.0)
    assert summary["kib_of_one_more"] == pytest.approx(1.024, abs=0.01)
    flat = [measured(items, 1 + items / 1000, 0.0) for items in (1000, 10_000, 100_000)]
    assert list(slopes(flat, "cpu_seconds", 1000)) == pytest.approx([1, 1])


def test_projected_by_what_makes_the_work() -> None:
    at_last = ROWS[-1] | {"memory": 100.0}
    images = 200_000
    work = images * COUNTS["proposals"].coco / COUNTS["proposals"].generated
    found = project("proposals", at_last, 1.2, 1.024, images)
    assert found["core_hours"] == pytest.approx((120 + (work - 100_000) * 0.0012) / 3600, rel=0.01)
    assert found["gib"] == pytest.approx((200 + (work - 100_000) * 0.001) / 1024, rel=0.01)


def test_the_table_marks_what_is_not_flat() -> None:
    rows = list(table({"paste": summarise("paste", ROWS), "sampling": summarise("sampling", ROWS[:2])}))
    assert rows[0] == "| step | 1,000: ms | 10,000: ms | 100,000: ms | growth | MiB at 100,000 | KiB of one more |"
    assert "| 1.2 ! |" in rows[2]
    assert len({row.count("|") for row in rows[:3]}) == 1


def test_the_figure_is_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw({"paste": ROWS}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []

    def run_step(name: str, what: str, items: int, _workspace: Path) -> str:
        calls.append((name, what))
        return f"noise\n{json.dumps(measured(items, len(calls), 0.0))}\n"

    monkeypatch.setattr(flat_cost, "run_step", run_step)
    monkeypatch.setattr(flat_cost, "WORK", tmp_path)
    first = flat_cost.cheapest(20_000, ["prepare", "proposals"])
    assert calls == [(name, what) for name in ("prepare", "proposals") for what in ("make", "run")]
    assert flat_cost.cheapest(20_000, ["prepare", "proposals"]) == first
    assert len(calls) == 4
    assert flat_cost.cheapest(1000, ["prepare"])["prepare"]["cpu_seconds"] == 6, "the least of three runs"
