"""NumPy arrays that are aligned with a table by row."""

from pathlib import Path

import numpy as np

from empaste.errors import InputError


def write_array(path: Path, array: np.ndarray) -> None:
    """``path`` holds ``array`` in NumPy's own format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def open_array(path: Path, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """The array at ``path``, of this shape and kind, to be filled in place; made, of zeros, where there is none such.

    It is memory-mapped, so that it may be larger than memory; the file has NumPy's own format at any time.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if 0 in shape:  # nothing can be mapped
            np.save(path, np.zeros(shape, dtype))
        else:
            np.lib.format.open_memmap(path, "w+", dtype, shape)
    return np.load(path, mmap_mode=None if 0 in shape else "r+")


def read_array(path: Path, num_rows: int, rows_of: str, stage: str) -> np.ndarray:
    """The array at ``path``, memory-mapped, whose first axis has ``num_rows`` rows, as the table ``rows_of`` has.

    `InputError` where the file is missing or out of step; it names ``stage`` as the one to run again.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro {stage}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is not a readable array: {error}; run: dvc repro {stage}") from error
    if len(array) != num_rows:
        raise InputError(f"{path} holds {len(array)} rows, {rows_of} {num_rows}; run: dvc repro {stage}")
    return array
