"""The table of confusions: every pair counted once, in a place that can be read."""

import re

import pandas as pd

from empaste.evaluation.mistakes import NOTHING
from empaste.report.confusion import MAX_LISTED, confusion_table


def pairs_of(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame([(1, *pair) for pair in pairs], columns=["image_id", "actual", "predicted"])


def cells_of(row: str) -> list[str]:
    return re.findall(r"<t[dh][^>]*>([^<]*)<", row)


def test_actual_down_and_predicted_across() -> None:
    table = confusion_table(
        pairs_of(("dog", "dog"), ("dog", "dog"), ("dog", "cat"), ("cat", NOTHING), (NOTHING, "dog"))
    )
    head, *rows = (cells_of(row) for row in table.split("<tr>")[1:])
    assert head == ["actual \\ predicted", "cat", "dog", "missed"]
    assert rows == [["cat", "", "", "1"], ["dog", "1", "2", ""], ["nothing there", "", "1"]]
    assert "--share:67%" in table
    assert "--share:100%" in table


def test_a_class_may_be_called_as_what_stands_for_none() -> None:
    table = confusion_table(pairs_of(("missed", "nothing there"), ("nothing there", NOTHING), (NOTHING, "missed")))
    head, *rows = (cells_of(row) for row in table.split("<tr>")[1:])
    assert head == ["actual \\ predicted", "missed", "nothing there", "missed"]
    assert rows == [["missed", "", "1", ""], ["nothing there", "", "", "1"], ["nothing there", "1", ""]]
    assert table.count("class='soft'") == 2
    assert table.count("dir='auto'") == 4


def test_names_are_escaped_and_nothing_gives_nothing() -> None:
    assert "&lt;b&gt;" in confusion_table(pairs_of(("<b>", "<b>")))
    assert confusion_table(pairs_of()) == ""


def test_of_many_classes_the_most_frequent_confusions_are_listed() -> None:
    names = [f"class {number}" for number in range(30)]
    wrong = [(name, "class 0") for name in names[1:]]
    table = confusion_table(pairs_of(*((name, name) for name in names), *wrong, wrong[4]))
    rows = [cells_of(row) for row in table.split("<tr>")[2:]]
    assert rows[0] == ["class 5", "class 0", "2"]
    assert len(rows) == MAX_LISTED
