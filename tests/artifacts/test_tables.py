"""Tables come back as they were written, and a table off its schema is refused both ways."""

from pathlib import Path

import pandas as pd
import pytest

from empaste.artifacts.schemas import Cams, Captions
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError


def captions() -> pd.DataFrame:
    return pd.DataFrame({"caption_id": [0, 1], "image_id": [7, 7], "text": ["a", "b"], "substituted": ["c", "d"]})


def test_round_trip_and_same_bytes(tmp_path: Path) -> None:
    write_table(captions(), tmp_path / "a.parquet", Captions)
    write_table(captions(), tmp_path / "b.parquet", Captions)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet", Captions), captions())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_empty_table_keeps_its_types(tmp_path: Path) -> None:
    write_table(pd.DataFrame(), tmp_path / "a.parquet", Cams)
    table = read_table(tmp_path / "a.parquet", Cams)
    assert len(table) == 0
    assert table.dtypes["prob"] == "float64"
    assert table.dtypes["cam_empty"] == "bool"


def test_misfits_are_refused_before_writing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(InputError, match="does not fit the table Captions"):
        write_table(captions().assign(extra=1), path, Captions)
    with pytest.raises(InputError, match="caption_id"):
        write_table(captions().assign(caption_id=0), path, Captions)
    assert not path.exists()


def test_misfits_are_refused_when_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(InputError, match="does not exist; run: dvc repro"):
        read_table(path, Captions)
    path.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="not a readable Parquet table"):
        read_table(path, Captions)
    captions().drop(columns="text").to_parquet(path)
    with pytest.raises(InputError, match="text"):
        read_table(path, Captions)
