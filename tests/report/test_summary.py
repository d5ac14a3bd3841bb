import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from empaste.artifacts.outputs import write_json
from empaste.errors import InputError
from empaste.report.figures import class_columns, headline, headline_text, precision_per_iteration
from empaste.report.summary import summary_table


def printed(folder: Path, page: Path, width: int = 120) -> str:
    out = StringIO()
    Console(file=out, width=width).print(summary_table(folder, page))
    return out.getvalue()


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│┃").split("│")] for line in text.splitlines() if "│" in line]


def test_the_summary_names_classes_aps_precision_and_the_page(run_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("")
    text = printed(run_folder / "metrics", page)
    assert ["ball", "1,234", "3", "91.5", "50.0", "", "50.0"] in rows(text)
    assert ["all", "2,468", "6", "91.5", "58.4", "37.2", "58.4"] in rows(text)
    assert ["right at IoU 0.5", "66.7", "83.2", "100.0", "91.7"] in rows(text)
    assert f"Open {page}" in text


def test_the_summary_says_what_was_not_measured(bare_folder: Path, tmp_path: Path) -> None:
    text = printed(bare_folder / "metrics", tmp_path / "index.html")
    assert "Foregrounds were not measured" in text
    assert "There is no" in text
    assert ["all", "2,468", "6", "91.5", "–", "–", "–"] in rows(text)


def test_without_metrics_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no metrics; run: dvc repro"):
        summary_table(tmp_path)


def test_iterations_are_ordered_by_number() -> None:
    values = {f"iter_{number}": float(number) for number in (10, 2, 0)} | {"pool": 5.0}
    metrics = {"foregrounds": {"precision50": values}}
    assert precision_per_iteration(metrics) == {"Step 1": 0.0, "EM 2": 2.0, "EM 10": 10.0}
    assert headline(metrics)["foreground precision, F-EM"] == 10.0


def test_the_headline_of_nothing_is_not_measured() -> None:
    assert set(headline({}).values()) == {None}
    assert headline_text({}).startswith("mask AP50 – · mask AP75 –")


def test_measured_aps_per_class_have_columns_of_their_own() -> None:
    metrics = {"evaluate": {"mask": {"AP75": 1.0, "AP75_per_class": {"a": 1.0}}, "box": {"AP": 2.0}}}
    assert [column.title for column in class_columns(metrics)] == ["mask AP50", "mask AP75", "box AP50"]


NAMES = {
    "fifteen letters": ["f" * 14 + "a", "f" * 14 + "b"],
    "forty letters": ["f" * 39 + "a", "f" * 39 + "b"],
    "sixty letters": ["f" * 59 + "a", "f" * 59 + "b", "traffic light " * 4 + "red", "traffic light " * 4 + "off"],
    "wide letters": ["中文" * 20, "中文" * 19 + "中", "🍎", "🍐", "हिन्दी", "كرة"],
    "markup": ["[red]x[/red]", "[/]", "[bold]", ":apple:", "\\[x]"],
    "eighty classes": [f"class {number}" for number in range(80)],
}


@pytest.mark.parametrize("width", [80, 60, 45])
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_it_fits_the_terminal_without_cutting_a_figure_or_a_name(tmp_path: Path, names: list[str], width: int) -> None:
    write_figures(tmp_path, names)
    text = printed(tmp_path, tmp_path / "index.html", width).replace(f"There is no {tmp_path}", "")
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    found = [unfolded(rows(table)) for table in text.split("Foregrounds per")[0].split("Per class")[1:]]
    for table in found:
        assert list(table)[-len(names) - 1 :] == [*(name.replace(" ", "") for name in names), "all"]
    for place, name in enumerate(names):
        figures = [cell for table in found for cell in table[name.replace(" ", "")]]
        assert figures == ["123,456", "1,234", *[f"{81 + place}.0"] * 7]


def unfolded(table: list[list[str]]) -> dict[str, list[str]]:
    """The figures of each name; of names over several lines the parts together, without blanks."""
    found: list[tuple[str, list[str]]] = []
    for name, *cells in table:
        if any(cells) or not found:
            found.append((name.replace(" ", ""), cells))
        else:
            found[-1] = (found[-1][0] + name.replace(" ", ""), found[-1][1])
    return dict(found)


def write_figures(folder: Path, names: list[str]) -> None:
    rates = {name: 81.0 + place for place, name in enumerate(names)}
    aps = dict.fromkeys(("AP", "AP50", "AP75"), 99.9) | {f"{key}_per_class": rates for key in ("AP", "AP50", "AP75")}
    iterations = {f"iter_{number}": 77.7 for number in range(12)} | {"pool": 88.8}
    content = {
        "foregrounds": {"masks_per_class": dict.fromkeys(names, 123456), "precision50": iterations},
        "paste": {"instances_per_class": dict.fromkeys(names, 1234)},
        "classifier": {"mAP": 99.9, "AP_per_class": rates},
        "evaluate": {"mask": aps, "box": aps},
    }
    for stage, figures in content.items():
        write_json(folder / f"{stage}.json", figures)


def test_iterations_that_do_not_fit_stand_in_a_further_table(tmp_path: Path) -> None:
    write_figures(tmp_path, ["a"])
    text = printed(tmp_path, tmp_path / "index.html", 80)
    assert text.count("Foregrounds per F-EM iteration") == 2
    lines = [row for row in rows(text) if row[0] == "right at IoU 0.5"]
    assert [cell for _, *cells in lines for cell in cells] == ["77.7"] * 12 + ["88.8"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_it_is_printed_to_a_pipe_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    write_figures(tmp_path, ["🍎", "[red]ü[/red]"])
    command = [str(Path(sys.executable).with_name("empaste")), "summary", "--metrics", str(tmp_path), "--page", "x"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    text = done.stdout.decode(encoding)
    assert ("🍎" if encoding == "utf-8" else "\\U0001f34e") in text
    assert "[red]" in text
    assert "99.9" in text
