"""Where the images of a data set lie, by id."""

from pathlib import Path

import pandas as pd

from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from


def read_image_paths(images: Path, split: str | None = None) -> dict[int, Path]:
    """The path of every image in the folder ``images``, by id, in the table's order; of one split where that is given.

    `InputError` where the table is missing, unreadable or off its schema.
    """
    return image_paths(read_from(images, Images), images, split)


def image_paths(table: pd.DataFrame, images: Path, split: str | None = None) -> dict[int, Path]:
    """As `read_image_paths`, where rows of ``table`` (`schemas.prepare.Images`) are there already."""
    rows = table if split is None else table[table["split"] == split]
    return {image_id: images / name for image_id, name in zip(rows["image_id"], rows["file_name"], strict=True)}
