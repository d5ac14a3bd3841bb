"""A result by hand, and everything that is made of it: statistics, tables, plot, page."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from empaste.errors import InputError
from empaste.studies import Request, show_study
from empaste.studies.plot import draw_intervals
from empaste.studies.results import (
    Column,
    RowResult,
    Run,
    StudyResult,
    class_column,
    class_columns,
    read_result,
    with_statistics,
    write_result,
)
from empaste.studies.tables import csv_table, differences, figures, markdown_table, notes, page_section, text_table

AP50, AP75, CAT = "evaluate.mask.AP50", "evaluate.mask.AP75", "evaluate.mask.AP50_per_class:cat"


def run(seed: int, *values: float | None, state: Any = "finished", **more: Any) -> Run:
    figures = dict(zip((AP50, AP75, CAT), values, strict=False))
    more = {"cpu_seconds": 60.0, "gpu_seconds": 0.0} | more
    return Run(seed=seed, state=state, experiment=f"numbers-x-{seed}", rev="a" * 40, figures=figures, **more)


def row(name: str, title: str, runs: list[Run], **more: Any) -> RowResult:
    usual: dict[str, Any] = {
        "set": {}, "skipped": None, "published": {}, "compare_with": None if name == "few" else "few", "summaries": {},
        "differences": {},
    }  # fmt: skip
    return RowResult(name=name, title=title, runs=runs, **usual | more)


def result(rows: list[RowResult] | None = None, **changes: Any) -> StudyResult:
    few = [run(0, 10.0, 5.0, 1.0), run(1, 50.0, None, 2.0), run(2, 90.0, 6.0, 3.0)]
    many = [run(0, 12.0, 5.5, 1.0), run(1, 52.1, 5.0, 3.0), run(2, 92.2, 6.1, 2.0)]
    failed = [run(0, 1.0, 2.0, 3.0), run(1, state="failed", log="no room\nat all")]
    shown = [
        row("few", "One", few, published={AP50: 56.5}),
        row("many", "Six | more", many, published={AP50: 58.04}),
        row("odd", "Odd", failed),
        row("none", "Absent", [], skipped="needs a.b: a model"),
    ]
    usual: dict[str, Any] = {
        "study": "numbers", "title": "Numbers", "question": "How many?", "command": "empaste study numbers",
        "commit": "c" * 40, "changed": [], "date": "2026-01-02", "machine": "2 CPU cores", "seeds": 3, "settings": {},
        "compare_with": "few", "confidence": 0.0, "published_in": "the paper",
        "columns": [Column(key=AP50, title="mAP50"), Column(key=AP75, title="mAP75"), Column(key=CAT, title="cat (3)")],
        "rows": rows or shown,
    }  # fmt: skip
    return with_statistics(StudyResult(**usual | changes))


def test_statistics_are_of_finished_runs_paired_over_seeds() -> None:
    few, many, odd, _ = result().rows
    assert (few.summaries[AP50].mean, few.summaries[AP50].n) == (50.0, 3)
    assert few.differences == {}
    assert many.differences[AP50].is_shown  # 2.0, 2.1, 2.2, however far the seeds lie apart
    assert not many.differences[CAT].is_shown
    assert many.differences[AP75].n == 2  # seed 1 of the other row is not defined
    assert (odd.summaries[AP50].n, odd.differences) == (1, {})


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    written = result()
    path = write_result(written, tmp_path)
    assert path == tmp_path / "numbers.json"
    assert read_result(path) == written
    assert json.loads(path.read_text())["rows"][0]["runs"][0]["figures"][AP50] == 10.0


def test_columns_of_classes_are_told_from_those_of_all_classes() -> None:
    made = class_column("evaluate.mask.AP50_per_class", "a (b): (c)", 12.0)
    found = class_columns(result([row("few", "One", [])], columns=[*result().columns, made]))
    assert found == [(CAT, "cat", 3), ("evaluate.mask.AP50_per_class:a (b): (c)", "a (b): (c)", 12)]


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "numbers.json").write_text("{}")
    with pytest.raises(
        InputError, match=r"numbers\.json is no result of a study \(Field required\); run: empaste study"
    ):
        read_result(tmp_path / "numbers.json")
    with pytest.raises(InputError, match=r"paste\.json does not exist; run: empaste study paste"):
        read_result(tmp_path / "paste.json")


def test_the_markdown_table() -> None:
    assert markdown_table(figures(result())).splitlines() == [
        "|  | mAP50 | published | mAP75 | cat (3) |",
        "|---|---|---|---|---|",
        "| One | 50.0 ± 40.0 | 56.5 | 5.5 ± 0.7 | 2.0 ± 1.0 |",
        r"| Six \| more | 52.1 ± 40.1 | 58.0 | 5.5 ± 0.6 ≈ | 2.0 ± 1.0 ≈ |",
        "| Odd | 1.0 (1 failed) | – | 2.0 (1 failed) | 3.0 (1 failed) |",
        "| Absent | not run | – | not run | not run |",
    ]


def test_the_text_table_cuts_nothing() -> None:
    lines = text_table(figures(result())).splitlines()
    assert lines[0].split() == ["mAP50", "published", "mAP75", "cat", "(3)"]
    assert lines[3].split() == [
        "Six",
        "|",
        "more",
        "52.1",
        "±",
        "40.1",
        "58.0",
        "5.5",
        "±",
        "0.6",
        "≈",
        "2.0",
        "±",
        "1.0",
        "≈",
    ]
    wide = result([row("few", "x" * 300, [run(0, 1.0, 2.0, 3.0)])])
    assert "x" * 300 in text_table(figures(wide))


def test_differences_are_from_the_row_that_each_names() -> None:
    rows = [
        row("few", "One", [run(0, 10.0), run(1, 20.0)]),
        row("many", "Six", [run(0, 13.0), run(1, 25.0)]),
        row("most", "Nine", [run(0, 14.0), run(1, 26.0)], compare_with="many"),
        row("odd", "Odd", [run(0, 1.0)]),
    ]
    shown = result(rows, columns=[Column(key=AP50, title="mAP50"), Column(key=AP75, title="mAP75")])
    assert differences(shown) == [
        ["", "compared with", "mAP50", "mAP75"],
        ["Six", "One", "+4.0 (-8.7 … +16.7) ≈", "–"],
        ["Nine", "Six", "+1.0 (+1.0 … +1.0)", "–"],
    ]
    assert markdown_table(differences(shown)) in page_section(shown)
    assert "compared with" not in page_section(result([row("few", "One", [run(0, 10.0)])]))


def test_the_csv_table_has_a_line_per_row_and_figure() -> None:
    records = list(csv.DictReader(io.StringIO(csv_table(result()))))
    assert len(records) == 12
    many = records[3]
    assert (many["row"], many["metric"], many["published"], many["n"]) == ("many", "mAP50", "58.04", "3")
    assert float(many["difference"]) == pytest.approx(2.1)
    assert many["shows_difference"] == "True"
    assert records[9] | {"row": "", "title": "", "metric": ""} == dict.fromkeys(records[9], "") | {
        "n": "0", "skipped": "needs a.b: a model",
    }  # fmt: skip


def test_what_a_reader_must_know() -> None:
    lines = notes(result(changed=["a.py"]))
    assert lines[0] == (
        "`empaste study numbers` on 2 CPU cores; commit cccccccccccc, 2026-01-02; 8 minutes of CPU time for what was "
        "not in DVC's cache. Mean ± standard deviation over 3 seed(s)."
    )
    assert lines[1:] == [
        "≈: not shown to differ from the row that it is compared with: the 95% interval of the difference, paired over "
        "the seeds, holds 0.",
        "Published: the paper.",
        "Files differed from the commit: a.py.",
        "Not run: Absent needs a.b: a model.",
        "Failed: Odd, seed 1.",
    ]


def test_one_seed_shows_no_difference_and_says_so() -> None:
    single = result([row("few", "One", [run(0, 1.0, 2.0, 3.0)]), row("many", "Six", [run(0, 9.0, 2.0, 3.0)])], seeds=1)
    assert "| Six | 9.0 | 2.0 | 3.0 |" in markdown_table(figures(single))
    assert (
        notes(single)[1] == "Too few repeats for intervals of the differences between rows: read none of them as shown."
    )


def test_runs_that_are_missing_and_gpu_hours_are_named() -> None:
    runs = [run(0, 1.0, 2.0, 3.0, gpu_seconds=7200.0), run(1, state="not run")]
    lines = notes(result([row("few", "One", runs), row("many", "Six", [run(0, state="not run"), *runs[1:]])]))
    assert "4 minutes of CPU time and 2.0 hours on a GPU" in lines[0]
    assert lines[-2:] == ["Missing: One, seed 1.", "Missing: Six, seeds 0, 1."]


def test_the_page_shows_question_table_plot_and_notes() -> None:
    section = page_section(result(), ["numbers.svg"])
    assert section.startswith("## Numbers\n\nHow many?\n\n|  | mAP50 |")
    assert "\n\n![Numbers](numbers.svg)\n\n- `empaste study numbers` on 2 CPU cores" in section


def test_the_plot_is_the_same_for_the_same_result() -> None:
    plot = draw_intervals(result())
    assert plot == draw_intervals(result())
    assert plot != draw_intervals(result(study="others"))
    assert plot.startswith(b"<?xml")


def test_tables_are_made_again_without_running_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(result(study="paste", title="Places"), tmp_path)
    shown = show_study(Request("paste"), tmp_path)
    assert shown.failures[0][1].log == "no room\nat all"
    assert {path.name for path in tmp_path.iterdir()} == {f"paste.{end}" for end in ("json", "csv", "md", "svg")}
    assert (tmp_path / "paste.md").read_text() == page_section(shown, ["paste.svg"])
    printed = capsys.readouterr().out
    assert printed.startswith("Places\n\n")
    assert text_table(figures(shown)) in printed
    assert text_table(differences(shown)) in printed
