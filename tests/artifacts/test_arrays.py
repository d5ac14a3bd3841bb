"""Arrays come back as they were written, and only in step with their table."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from empaste.artifacts.arrays import open_array, read_array, write_array
from empaste.errors import InputError


def test_round_trip(tmp_path: Path) -> None:
    write_array(tmp_path / "phi.npy", np.arange(6.0).reshape(3, 2))
    array = read_array(tmp_path / "phi.npy", 3, "data/segments", "features")
    np.testing.assert_array_equal(array, [[0, 1], [2, 3], [4, 5]])


def test_filled_in_place_in_several_goes(tmp_path: Path) -> None:
    path = tmp_path / "work" / "phi.npy"
    open_array(path, (3, 2))[0] = 1
    again = open_array(path, (3, 2))
    assert again.dtype == np.float32
    assert isinstance(again, np.memmap)
    again[2] = 5
    np.testing.assert_array_equal(np.load(path), [[1, 1], [0, 0], [5, 5]])
    np.testing.assert_array_equal(read_array(path, 3, "data/segments", "features"), [[1, 1], [0, 0], [5, 5]])


@pytest.mark.parametrize("other", ["shape", "kind", "short", "no array", "empty"])
def test_what_is_no_such_array_is_made_anew(tmp_path: Path, other: str) -> None:
    path = tmp_path / "phi.npy"
    np.save(path, np.ones((2, 3) if other == "shape" else (3, 2), np.float64 if other == "kind" else np.float32))
    if other in ("short", "no array", "empty"):
        path.write_bytes({"short": path.read_bytes()[:-4], "no array": b"no array at all", "empty": b""}[other])
    made = open_array(path, (3, 2))
    assert made.shape == (3, 2)
    assert made.dtype == np.float32
    assert not made.any()


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_an_array_of_nothing(tmp_path: Path, shape: tuple[int, int]) -> None:
    assert open_array(tmp_path / "phi.npy", shape).shape == shape
    assert np.load(tmp_path / "phi.npy").shape == shape
    assert open_array(tmp_path / "phi.npy", (2, 5)).shape == (2, 5)
    assert open_array(tmp_path / "phi.npy", shape).shape == shape


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room on disks")
def test_an_array_for_which_the_disk_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, 128 + 4 * 6)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        open_array(tmp_path / "phi.npy", (3, 2))
    assert not list(tmp_path.iterdir())


def test_what_is_out_of_step_or_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "phi.npy"
    with pytest.raises(InputError, match="does not exist; run: dvc repro features"):
        read_array(path, 3, "data/segments", "features")
    write_array(path, np.zeros((3, 2)))
    with pytest.raises(InputError, match="holds 3 rows, data/segments 4; run: dvc repro features"):
        read_array(path, 4, "data/segments", "features")
    for content in (b"", b"no array at all"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a readable array"):
            read_array(path, 4, "data/segments", "features")


def with_header(path: Path, header: str) -> Path:
    """An array file of this header."""
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + bytes(64))
    return path


@pytest.mark.parametrize(
    "header",
    [
        "{" * 3000, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4", "x" * 20_000, "__import__('os')",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2147483648)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}",
        "{'descr': 'bogus', 'fortran_order': 3, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3L,)}",
    ],
)  # fmt: skip
def test_headers_that_describe_no_rows_of_numbers(tmp_path: Path, header: str) -> None:
    path = with_header(tmp_path / "phi.npy", header)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"phi\.npy (is not|holds).*run: dvc repro features"):
            read_array(path, 4, "data/segments", "features")
