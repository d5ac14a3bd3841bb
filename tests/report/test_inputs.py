"""The tables of the plots: names as text, figures as numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.errors import InputError
from empaste.report.inputs import read_plot

NAMES = [
    "NA",
    "None",
    "001",
    "1",
    "nothing",
    "nan",
    "True",
    "1e5",
    "",
    'a"b',
    "a,b",
    ";",
    "'",
    "#x",
    "🍎",
    "كرة",
    "<b>",
]


def test_names_come_back_as_they_were_written(tmp_path: Path) -> None:
    pairs = list(zip(NAMES, reversed(NAMES), strict=True))
    pd.DataFrame([(7, *pair) for pair in pairs], columns=["image_id", "actual", "predicted"]).to_csv(
        tmp_path / "confusion.csv", index=False
    )
    table = read_plot(tmp_path / "confusion.csv")
    assert list(zip(table["actual"], table["predicted"], strict=True)) == pairs
    assert table["image_id"].tolist() == [7] * len(NAMES)


def test_figures_that_were_not_measured_are_nan(tmp_path: Path) -> None:
    (tmp_path / "paste.csv").write_text("class_name,pool,pasted\n1,2,0.5\n001,,\n")
    table = read_plot(tmp_path / "paste.csv")
    assert table["class_name"].tolist() == ["1", "001"]
    np.testing.assert_array_equal(table[["pool", "pasted"]], [[2, 0.5], [np.nan, np.nan]])


def test_what_is_no_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.csv does not exist; run: dvc repro"):
        read_plot(tmp_path / "train.csv")
    for content in (b"", b"\xff\xfe\x00", b'a,b\n1,2,3,4\n"'):
        (tmp_path / "train.csv").write_bytes(content)
        with pytest.raises(InputError, match=r"train\.csv is not a readable table: "):
            read_plot(tmp_path / "train.csv")
