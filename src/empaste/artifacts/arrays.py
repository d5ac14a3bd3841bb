"""NumPy arrays that are aligned with a table by row."""

import os
import warnings
from pathlib import Path
from tokenize import TokenError

import numpy as np

from empaste.errors import InputError

DAMAGES = (ValueError, EOFError, OSError, TypeError, LookupError, OverflowError, MemoryError, SyntaxError, TokenError)
"""What NumPy raises for files that are no arrays, depending on where they are damaged."""


def write_array(path: Path, array: np.ndarray) -> None:
    """``path`` holds ``array`` in NumPy's own format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def open_array(path: Path, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """The array at ``path``, of this shape and kind, to be filled in place; made, of zeros, where there is none such.

    It is memory-mapped, so that it may be larger than memory; the file has NumPy's own format at any time. What else
    stands at ``path`` is removed. OSError where the disk has no room for the array.
    """
    if not _is_array(path, shape, dtype):
        path.unlink(missing_ok=True)  # not written over: another array may still be mapped from it
        path.parent.mkdir(parents=True, exist_ok=True)
        if 0 in shape:  # nothing can be mapped
            np.save(path, np.zeros(shape, dtype))
        else:
            np.lib.format.open_memmap(path, "w+", dtype, shape)
            _reserve(path)
    array: np.ndarray = np.load(path, mmap_mode=None if 0 in shape else "r+")
    return array


def _is_array(path: Path, shape: tuple[int, ...], dtype: type) -> bool:
    """Whether the file at ``path`` is a whole array of this shape and kind."""
    try:
        # Only to be read: NumPy would fill a file up that is too short, and opened to be written.
        array = np.load(path, mmap_mode=None if 0 in shape else "r", allow_pickle=False)
    except DAMAGES:
        return False
    return isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype


def _reserve(path: Path) -> None:
    """The whole of the file at ``path`` has its place on the disk, or it is removed, and OSError says why.

    A page of a mapped file for which there is no room would end the process without a word.
    """
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    except OSError:
        path.unlink()
        raise


def read_array(path: Path, num_rows: int, rows_of: str, stage: str) -> np.ndarray:
    """The array at ``path``, memory-mapped, whose first axis has ``num_rows`` rows, as the table ``rows_of`` has.

    `InputError` where the file is missing or out of step; it names ``stage`` as the one to run again.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # headers that need a second look come to nothing, or to an array
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro {stage}") from error
    except DAMAGES as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not a readable array: {reason}; run: dvc repro {stage}") from error
    if not isinstance(array, np.ndarray) or not array.ndim or array.dtype.kind not in "biuf":
        raise InputError(f"{path} holds no rows of numbers; run: dvc repro {stage}")
    if len(array) != num_rows:
        raise InputError(f"{path} holds {len(array)} rows, {rows_of} {num_rows}; run: dvc repro {stage}")
    return array
