from io import StringIO

import pytest
from rich.console import Console

from empaste.errors import InputError
from empaste.report.figures import class_columns, headline, headline_text, precision_per_iteration
from empaste.report.summary import summary_table


def printed(folder, page, width=120) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(summary_table(folder, page))
    return console.file.getvalue()


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│┃").split("│")] for line in text.splitlines() if "│" in line]


def test_the_summary_names_classes_aps_precision_and_the_page(run_folder, tmp_path):
    page = tmp_path / "index.html"
    page.write_text("")
    text = printed(run_folder / "metrics", page)
    assert ["ball", "1,234", "3", "91.5", "50.0", "", "50.0"] in rows(text)
    assert ["all", "2,468", "6", "91.5", "58.4", "37.2", "58.4"] in rows(text)
    assert ["right at IoU 0.5", "66.7", "83.2", "100.0"] in rows(text)
    assert f"Open {page}" in text


def test_the_summary_says_what_was_not_measured(bare_folder, tmp_path):
    text = printed(bare_folder / "metrics", tmp_path / "index.html")
    assert "Foregrounds were not measured" in text and "There is no" in text
    assert ["all", "2,468", "6", "91.5", "–", "–", "–"] in rows(text)


def test_without_metrics_the_next_step_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no metrics; run: dvc repro"):
        summary_table(tmp_path)


def test_iterations_are_ordered_by_number():
    values = {f"iter_{number}": float(number) for number in (10, 2, 0)} | {"pool": 5.0}
    metrics = {"foregrounds": {"precision50": values}}
    assert precision_per_iteration(metrics) == {"Step 1": 0.0, "EM 2": 2.0, "EM 10": 10.0}
    assert headline(metrics)["foreground precision, F-EM"] == 10.0


def test_the_headline_of_nothing_is_not_measured():
    assert set(headline({}).values()) == {None}
    assert headline_text({}).startswith("mask AP50 – · mask AP75 –")


def test_measured_aps_per_class_have_columns_of_their_own():
    metrics = {"evaluate": {"mask": {"AP75": 1.0, "AP75_per_class": {"a": 1.0}}, "box": {"AP": 2.0}}}
    assert [column.title for column in class_columns(metrics)] == ["mask AP50", "mask AP75", "box AP50"]
