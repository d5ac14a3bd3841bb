"""Tables come back as they were written, and a table off its schema is refused both ways."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.artifacts.schemas.table import Table
from empaste.artifacts.tables import check_table, read_table, write_table
from empaste.errors import InputError


def captions() -> pd.DataFrame:
    return pd.DataFrame({"caption_id": [0, 1], "image_id": [7, 7], "text": ["a", "b"], "substituted": ["c", "d"]})


def test_round_trip_and_same_bytes(tmp_path: Path) -> None:
    write_table(captions(), tmp_path / "a.parquet", Captions)
    write_table(captions(), tmp_path / "b.parquet", Captions)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet", Captions), captions())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_the_bytes_do_not_tell_of_how_many_tables_one_was_joined(tmp_path: Path) -> None:
    texts = [f"{number * 7919:x}" * 40 for number in range(5000)]
    whole = pd.DataFrame({"caption_id": range(5000), "image_id": 7, "text": texts, "substituted": "d"})
    for name, size in (("whole", 5000), ("parts", 64)):
        parts = [whole.iloc[at : at + size] for at in range(0, 5000, size)]
        write_table(pd.concat(parts).astype({"text": "str"}), tmp_path / name, Captions)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()


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


def images(**changed: Any) -> pd.DataFrame:
    rows = {"image_id": [5, 6, 7], "split": ["train", "val", "val"], "file_name": ["a", "b", "c"]}
    return pd.DataFrame(rows | {"height": [1, 2, 3], "width": [1, 2, 3]}).assign(**changed)


def cams(**changed: Any) -> pd.DataFrame:
    rows = {"image_id": [1, 2], "class_id": [1, 1], "prob": [0.5, 1.0], "centre_x": [1.0, np.nan]}
    return pd.DataFrame(rows | {"centre_y": [1.0, np.nan], "cam_empty": [False, True]}).assign(**changed)


@pytest.mark.parametrize(
    ("table", "schema", "said"),
    [
        (images(image_id=[5, 6, 5]), Images, "column image_id holds 5 twice (rows 0 and 2)"),
        (images(image_id=[5, 5, 5]), Images, "column image_id holds 5 twice (rows 0 and 1, and 1 more repeats)"),
        (images(file_name=["a", "b", "b"]), Images, "column file_name holds 'b' twice (rows 1 and 2)"),
        (images(split=["train", "x", "y"]), Images,
         "column split holds 'x', not one of 'train', 'val' (row 1, and 1 more)"),
        (images(image_id=[5, -5, 7]), Images, "column image_id holds -5, not at least 0 (row 1)"),
        (images(height=[1, 2, 0]), Images, "column height holds 0, not at least 1 (row 2)"),
        (images(split=["train", None, "val"]), Images, "column split holds nothing (row 1)"),
        (images(width=[1.0, 2.5, 3.0]), Images, "column width holds numbers, not whole numbers"),
        (images(split=[1, 2, 3]), Images, "column split holds whole numbers, not text"),
        (images(file_name=["a", "../b", "/c"]), Images,
         "column file_name holds '../b', not a path below the table's folder (row 1, and 1 more)"),
        (images(file_name=["a", 2, "c"]), Images, "column file_name holds values of several kinds, not text"),
        (images(image_id=[2**63, 1, 2]), Images,
         "column image_id holds whole numbers of 2⁶³ or more, not whole numbers"),
        (images().drop(columns=["split", "width"]), Images, "it lacks the columns split, width"),
        (images(colour=1), Images, "it has no place for the column colour"),
        (images()[["split", "image_id", "file_name", "height", "width"]], Images,
         "its columns stand in the order split, image_id, file_name, height, width, not image_id, split"),
        (pd.concat([images(), images()[["width"]]], axis=1), Images, "it has the column width twice"),
        (cams(prob=[0.5, 1.5]), Cams, "column prob holds 1.5, not at most 1 (row 1)"),
        (cams(prob=[np.nan, 1.0]), Cams, "column prob holds nothing (row 0)"),
        (cams(cam_empty=[0, 1]), Cams, "column cam_empty holds whole numbers, not true or false"),
        (pd.DataFrame({"image_id": [1, 1, 1], "class_id": [2, 3, 2]}), Labels,
         "columns image_id, class_id hold 1, 2 twice (rows 0 and 2)"),
    ],
)  # fmt: skip
def test_a_misfit_is_said_in_one_sentence(table: pd.DataFrame, schema: type[Table], said: str) -> None:
    with pytest.raises(InputError) as raised:
        check_table(table, Path("data/images/images.parquet"), schema)
    message = str(raised.value)
    assert message.startswith(f"data/images/images.parquet does not fit the table {schema.__name__}: {said}")
    assert message.endswith("; run: dvc repro prepare")
    assert "\n" not in message


def test_what_may_be_missing_is_fine() -> None:
    assert len(check_table(cams(), Path("data/cams/cams.parquet"), Cams)) == 2


@pytest.mark.parametrize(("folder", "stage"), [("segments", " proposals"), ("cams", " cams"), ("other", "")])
def test_the_stage_that_makes_it_is_named(tmp_path: Path, folder: str, stage: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.parquet").write_bytes(b"PAR1 damaged PAR1")
    with pytest.raises(InputError, match=f"a.parquet is not a readable Parquet table: .*; run: dvc repro{stage}$"):
        read_table(tmp_path / folder / "a.parquet", Cams)


def test_cells_that_hold_several_values_are_named(tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    table = pd.DataFrame({"image_id": [1], "split": ["train"], "file_name": [["a", "b"]], "height": [1], "width": [1]})
    table.to_parquet(path)
    with pytest.raises(InputError, match=r"images\.parquet does not fit the table Images"):
        read_table(path, Images)
