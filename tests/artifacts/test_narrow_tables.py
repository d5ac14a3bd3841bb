"""Columns of a table in narrow types are those of the whole table, and are refused where it would be."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts import narrow_tables
from empaste.artifacts.narrow_tables import read_columns
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import file_of, read_from, write_into
from empaste.errors import InputError

NAMES = ["class_id", "segment_id", "judged", "score"]


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are read 4 rows at a time."""
    monkeypatch.setattr(narrow_tables, "ROWS", 4)


def evidence(num: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    keys = {"image_id": np.arange(num) // 5, "class_id": 3, "segment_id": np.arange(num)}
    terms = {name: rng.random(num) for name in ("cam_overlap", "frame_share", "objectness", "insertion", "deletion")}
    return pd.DataFrame(keys | terms | {"judged": rng.random(num) < 0.5, "score": rng.random(num)})


def segments(num: int = 10) -> pd.DataFrame:
    numbers = dict.fromkeys(Segments.to_schema().columns, 1)
    texts = [f"{number:x}" for number in range(num)]
    return pd.DataFrame(numbers | {"segment_id": np.arange(num), "counts": texts, "score": 0.5})


def write_past_the_check(table: pd.DataFrame, folder: Path) -> None:
    path = file_of(folder, Evidence)
    path.parent.mkdir(exist_ok=True)
    table.to_parquet(path)


def refusals(folder: Path) -> list[str]:
    """What is said of the table in ``folder``, read whole and by columns."""
    said = []
    reads: list[Callable[[], pd.DataFrame]] = [
        partial(read_from, folder, Evidence),
        partial(read_columns, folder, Evidence, NAMES),
    ]
    for read in reads:
        with pytest.raises(InputError) as error:
            read()
        said.append(str(error.value))
    return said


def test_the_values_are_those_of_the_whole_table(tmp_path: Path) -> None:
    write_into(tmp_path, evidence(), Evidence)
    narrow = read_columns(tmp_path, Evidence, NAMES)
    pd.testing.assert_frame_equal(narrow, evidence()[NAMES], check_dtype=False)
    assert [str(kind) for kind in narrow.dtypes] == ["int32", "int32", "bool", "float64"]


def test_text_comes_in_one_piece(tmp_path: Path) -> None:
    write_into(tmp_path, segments(), Segments)
    narrow = read_columns(tmp_path, Segments, ["counts", "segment_id"])
    pd.testing.assert_frame_equal(narrow, segments()[["counts", "segment_id"]], check_dtype=False)
    assert narrow["counts"].dtype == read_from(tmp_path, Segments)["counts"].dtype


def test_numbers_that_need_64_bits_keep_them(tmp_path: Path) -> None:
    table = evidence()
    table.loc[7, "segment_id"] = 2**31
    write_into(tmp_path, table, Evidence)
    narrow = read_columns(tmp_path, Evidence, NAMES)
    assert str(narrow["segment_id"].dtype) == "int64"
    assert narrow["segment_id"].tolist() == table["segment_id"].tolist()


def test_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    table = evidence().sample(frac=1, random_state=1).reset_index(drop=True)
    write_into(tmp_path, table, Evidence)
    pd.testing.assert_frame_equal(read_columns(tmp_path, Evidence, NAMES), table[NAMES], check_dtype=False)


def test_an_empty_table_has_the_columns(tmp_path: Path) -> None:
    write_into(tmp_path, evidence(0), Evidence)
    assert read_columns(tmp_path, Evidence, NAMES).columns.tolist() == NAMES
    assert len(read_columns(tmp_path, Evidence, NAMES)) == 0


def test_a_row_twice_is_refused_however_far_apart(tmp_path: Path) -> None:
    write_past_the_check(pd.concat([evidence(), evidence(1)], ignore_index=True), tmp_path)
    whole, by_columns = refusals(tmp_path)
    assert by_columns == whole
    assert "columns image_id, class_id, segment_id hold 0, 3, 0 twice (rows 0 and 10); run: dvc repro" in whole


def test_a_wrong_value_is_refused_with_its_row_in_a_column_that_is_not_asked_for_too(tmp_path: Path) -> None:
    table = evidence()
    table.loc[9, "cam_overlap"] = -1.0
    write_past_the_check(table, tmp_path)
    whole, by_columns = refusals(tmp_path)
    assert by_columns == whole
    assert "column cam_overlap holds -1.0, not at least 0 (row 9)" in whole


@pytest.mark.parametrize("damage", ["no file", "no table", "no column"])
def test_what_is_no_such_table_is_refused(tmp_path: Path, damage: str) -> None:
    write_past_the_check(evidence().drop(columns="score"), tmp_path)
    if damage == "no file":
        file_of(tmp_path, Evidence).unlink()
    elif damage == "no table":
        file_of(tmp_path, Evidence).write_bytes(b"PAR1 and no more")
    whole, by_columns = refusals(tmp_path)
    assert by_columns == whole
