"""The images of a split as squares, with their image-level labels: what a classifier is trained and measured on."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8
from tqdm import tqdm

from empaste.artifacts.arrays import open_array
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import read_from
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.squares import fit_square

MAX_BYTES_IN_MEMORY = 4 * 2**30
"""Of an array that holds something of every image; one that is larger lies in a memory-mapped file."""


class LabelledImages(NamedTuple):
    """Square images of one size, which of the classes each shows, and their ids."""

    squares: UInt8[np.ndarray, "n side side 3"]
    labels: Bool[np.ndarray, "n c"]
    image_ids: Int[np.ndarray, " n"]


def read_split(
    split: str, images: Path, labels: Path, class_ids: Sequence[int], side: int, work: Path
) -> LabelledImages:
    """The images of ``split`` in the folder ``images``, with their labels in the folder ``labels``.

    Squares of ``side`` pixels that do not fit into memory lie in a file in the folder ``work``. `InputError` where the
    training split is empty, an image is not readable or a label not one of ``class_ids``.
    """
    paths = read_image_paths(images, split)
    if not paths and split == "train":
        raise InputError(f"{images / 'images.parquet'} holds no training image; check prepare.* in params.yaml")
    squares = load_squares(list(paths.values()), side, work / f"{split}.npy")
    pairs = read_from(labels, Labels).to_numpy()
    return LabelledImages(squares, label_matrix(list(paths), class_ids, pairs), np.array(list(paths), int))


def load_squares(paths: Sequence[Path], side: int, store: Path) -> UInt8[np.ndarray, "n side side 3"]:
    """The images at ``paths``, each fitted into a square; in the new file ``store`` where memory does not hold them."""
    squares = room_for((len(paths), side, side, 3), np.uint8, store)

    def load(row: int) -> None:
        squares[row] = fit_square(read_rgb(paths[row]), side)

    # OpenCV decodes and resizes without the interpreter's lock.
    with ThreadPoolExecutor() as pool:
        list(tqdm(pool.map(load, range(len(paths))), "images", len(paths), unit="image", leave=False))
    return squares


def room_for(shape: tuple[int, ...], dtype: type[np.generic], store: Path) -> np.ndarray:
    """An array to be filled: in memory, or in the new file ``store`` where it has over `MAX_BYTES_IN_MEMORY`.

    OSError where the disk has no room for it.
    """
    if prod(shape) * np.dtype(dtype).itemsize <= MAX_BYTES_IN_MEMORY:
        return np.empty(shape, dtype)
    store.unlink(missing_ok=True)
    return open_array(store, shape, dtype)


def label_matrix(
    image_ids: Sequence[int], class_ids: Sequence[int], pairs: Int[np.ndarray, "m 2"]
) -> Bool[np.ndarray, "n c"]:
    """Which image (row) shows which class (column), from (image id, class id) ``pairs``; other images' are left out.

    `InputError` for a class id that is none of ``class_ids``.
    """
    rows = {int(image_id): row for row, image_id in enumerate(image_ids)}
    columns = {int(class_id): column for column, class_id in enumerate(class_ids)}
    labels = np.zeros((len(rows), len(columns)), bool)
    for image_id, class_id in pairs.tolist():
        if class_id not in columns:
            raise InputError(
                f"image {image_id} has the class {class_id}, which is none of {list(columns)}; run: dvc repro prepare"
            )
        if image_id in rows:
            labels[rows[image_id], columns[class_id]] = True
    return labels
