"""Tables as people save them; nothing in them is dropped."""

from pathlib import Path

import pytest

from empaste.artifacts.csv_tables import read_csv
from empaste.errors import InputError


def read(tmp_path: Path, text: str | bytes) -> list[tuple[int, dict[str, str]]]:
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [tuple(row) for row in read_csv(path, ("file", "label"), ("split",), "it has file,label").rows]  # type: ignore[misc]


def test_rows_with_their_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, 'file,label\n a.jpg , "cat, big"\n\n"b\n.jpg",NA\n')
    assert rows == [(2, {"file": "a.jpg", "label": "cat, big"}), (5, {"file": "b\n.jpg", "label": "NA"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    assert read(tmp_path, f"label{delimiter}FILE\ncat{delimiter}a.jpg\n") == [(2, {"label": "cat", "file": "a.jpg"})]


def test_empty_fields_behind_the_last_column_say_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "file,label\na.jpg,cat,,\n,,\n") == [(2, {"file": "a.jpg", "label": "cat"})]


def test_missing_fields_are_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "file,label,split\na.jpg\n") == [(2, {"file": "a.jpg", "label": "", "split": ""})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.jpg,cat,dog\n", "line 2: 3 fields, but the header names 2 columns (the first beyond is 'dog')"),
        ("file;label\na.jpg;cat;dog\n", "line 2: 3 fields, but the header names 2 columns"),
        ("file,label,label\na.jpg,cat,dog\n", "has the column label twice"),
        ("file,label,Label\na.jpg,cat,dog\n", "has the column label twice"),
        ("file,label,label2\na.jpg,cat,dog\n", "has the column label2 beside file, label, split"),
        ("file,label,labels\na.jpg,cat,dog\n", "has the column labels beside"),
        ("file,label,label.1\na.jpg,cat,dog\n", "has the column label.1 beside"),
        ("file,label,\na.jpg,cat,dog\n", "line 2: 'dog' stands in a column without a name"),
        ("name,label\na.jpg,cat\n", "lacks the column file; its columns are name, label; it has file,label"),
        ("", "lacks the columns file, label; its columns are (none)"),
        ('file,label\na.jpg,"cat\n', "is not a readable CSV file"),
        (b"file,label\n\xff\xfe,cat\n", "is not a readable CSV file in UTF-8"),
        (b"file,label\na.jpg,cat" + b"x" * 200_000, "is not a readable CSV file"),
    ],
)
def test_what_would_be_dropped_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert "labels.csv" in str(error.value)
    assert message in str(error.value)


def test_columns_that_nobody_reads_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,label,source,note\na,b,c,d\n")
    assert read_csv(tmp_path / "a.csv", ("file", "label"), (), "").unread == ["source", "note"]
    with pytest.raises(InputError, match=r"b.csv cannot be read \(No such file"):
        read_csv(tmp_path / "b.csv", ("file",), (), "")
