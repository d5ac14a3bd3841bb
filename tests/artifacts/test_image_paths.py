"""The path of every image, by its id."""

from pathlib import Path

import pandas as pd
import pytest

from empaste.artifacts.image_paths import image_paths, read_image_paths
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import write_into
from empaste.errors import InputError

TABLE = pd.DataFrame(
    {
        "image_id": [9, 2, 5],
        "split": ["val", "train", "train"],
        "file_name": ["val/a.jpg", "train/a.jpg", "train/b.jpg"],
        "height": [1, 1, 1],
        "width": [1, 1, 1],
    }
)


def test_paths_stand_in_the_tables_order(tmp_path: Path) -> None:
    write_into(tmp_path, TABLE, Images)
    found = read_image_paths(tmp_path)
    assert list(found.items()) == [
        (9, tmp_path / "val/a.jpg"),
        (2, tmp_path / "train/a.jpg"),
        (5, tmp_path / "train/b.jpg"),
    ]
    assert {type(image_id) for image_id in found} == {int}  # JSON takes no other
    assert image_paths(TABLE, tmp_path) == found


@pytest.mark.parametrize(("split", "ids"), [("train", [2, 5]), ("val", [9]), ("test", [])])
def test_one_split_alone(split: str, ids: list[int]) -> None:
    assert list(image_paths(TABLE, Path("images"), split)) == ids


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images\.parquet does not exist; run: dvc repro"):
        read_image_paths(tmp_path)
