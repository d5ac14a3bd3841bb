"""Where the images of a data set lie, by id."""

from pathlib import Path

from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from


def read_image_paths(images: Path, split: str | None = None) -> dict[int, Path]:
    """The path of every image in the folder ``images``, by id, in the table's order; of one split where that is given.

    `InputError` where the table is missing, unreadable or off its schema.
    """
    table = read_from(images, Images)
    rows = table if split is None else table[table["split"] == split]
    return {image_id: images / name for image_id, name in zip(rows["image_id"], rows["file_name"], strict=True)}
