"""MATLAB files of precomputed proposals, as the authors of MCG and COB publish them.

A file of one image holds, by itself or in a struct ``proposals`` or ``candidates``,

- ``superpixels`` (h, w), a partition of the image with labels from 1; ``labels``, a cell array with the list of
  superpixels that form each proposal; ``scores``, one per proposal, where higher is better; or
- ``maskmat``, the masks themselves: a cell array of (h, w) masks, or one (n, h, w) array, best first. This form of
  COB's VOC proposals is what later work on weakly-supervised instance segmentation passes on.

MATLAB's own formats up to version 7 are read by scipy, version 7.3 (which is HDF5) by h5py.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.errors import InputError, require_extra
from empaste.proposals.duplicates import first_of_each

FIELDS = ("superpixels", "labels", "scores", "maskmat")
STRUCTS = ("proposals", "candidates")
PREFIXES = ("", "COCO_train2014_", "COCO_val2014_")
"""What stands before an image's name: the files of COCO carry the names that the images had in 2014."""


def read_proposals(
    root: Path, file_name: str, size_hw: tuple[int, int], num_best: int, key: str
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the ``num_best`` best proposals for the image ``file_name``, best first.

    The score is the rank, from 1 downwards in equal steps: MCG and COB rank by marginal relevance, whose values lie
    outside [0, 1] and mean nothing across images. Equal and empty proposals are left out. `InputError`, which names
    the parameter ``key``, where there is no file for the image, or it is none of a kind that can be read, or it
    belongs to another image.
    """
    path = find_file(root, file_name, key)
    fields = read_fields(path)
    if "maskmat" in fields:
        masks = _masks_of(fields["maskmat"], path)[:num_best]
        _check_size(masks.shape[1:], size_hw, path, key)
        masks = masks[first_of_each(masks)]
    else:
        superpixels = _superpixels(fields, path)
        _check_size(superpixels.shape, size_hw, path, key)
        membership = _membership(fields, superpixels, path)[:num_best]
        membership = membership[first_of_each(membership[:, None])]
        masks = np.empty((len(membership), *size_hw), bool)
        for row, mask in zip(membership, masks, strict=True):
            np.take(row, superpixels, out=mask, mode="clip")  # no copy in between, as mode raise makes
    return masks, 1 - np.arange(len(masks)) / max(len(masks), 1)


def find_file(root: Path, file_name: str, key: str) -> Path:
    """The file in ``root`` for the image ``file_name``: of the same name, but ``.mat``."""
    stem = Path(file_name).stem
    if not root.is_dir():
        raise InputError(
            f"{key} is {str(root)!r}, which is no folder; set it to the folder of the published .mat files"
        )
    for prefix in PREFIXES:
        if (path := root / f"{prefix}{stem}.mat").is_file():
            return path
    num_files = sum(1 for _ in root.glob("*.mat"))
    raise InputError(
        f"{key}, {root}, has no {stem}.mat for the image {file_name} ({num_files} .mat files lie in it); "
        "set it to the folder of this data set's proposals, or unpack the missing ones"
    )


def read_fields(path: Path) -> dict[str, Any]:
    """What the file holds of `FIELDS`: arrays, and lists of arrays for cell arrays."""
    content = _read_hdf5(path) if _is_hdf5(path) else _read_matlab5(path)
    for struct in STRUCTS:
        if isinstance(content.get(struct), dict):
            content = content[struct]
    fields = {name: content[name] for name in FIELDS if name in content}
    if "maskmat" not in fields and not {"superpixels", "labels"} <= fields.keys():
        there = ", ".join(sorted(content)) or "none"
        raise InputError(
            f"{path} holds {there} of the published variables; proposals hold superpixels and labels, or maskmat: "
            "download the segmented proposals (contours and boxes are other files)"
        )
    return fields


def _is_hdf5(path: Path) -> bool:
    """Whether ``path`` is HDF5; MATLAB puts 512 bytes of its own before the signature."""
    with path.open("rb") as file:
        head = file.read(520)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:])


def _read_matlab5(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, variable_names=[*FIELDS, *STRUCTS])
    except (
        OSError,
        ValueError,
        TypeError,
        NotImplementedError,
        IndexError,
        KeyError,
        zlib.error,
        MatReadError,
    ) as error:
        raise _unreadable(path, error) from error
    return {name: _plain(value) for name, value in content.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    """What scipy gives, with structs as dicts and cell arrays as lists."""
    if value.dtype.names:
        return {name: _plain(value[name].flat[0]) for name in value.dtype.names} if value.size else {}
    return list(value.flat) if value.dtype == object else value


def _read_hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise require_extra("h5py", "matlab") from error
    try:
        with h5py.File(path) as file:
            return {name: _resolve(file[name], file) for name in (*FIELDS, *STRUCTS) if name in file}
    except (OSError, RuntimeError, KeyError) as error:
        raise _unreadable(path, error) from error


def _resolve(node: Any, file: Any) -> Any:
    """A struct as a dict, a cell array as a list, an array with its axes in MATLAB's order."""
    import h5py

    if isinstance(node, h5py.Group):
        return {name: _resolve(node[name], file) for name in node}
    # An empty array is stored as its size.
    if node.attrs.get("MATLAB_empty", 0):
        return [] if node.attrs.get("MATLAB_class") == b"cell" else np.zeros(0)
    value = node[()].T
    return [_resolve(file[reference], file) for reference in value.flat] if value.dtype == object else value


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is no MATLAB file that can be read ({path.stat().st_size} bytes; {type(error).__name__}: {error}); "
        "download it again"
    )


def _check_size(size: tuple[int, ...], expected: tuple[int, int], path: Path, key: str) -> None:
    if tuple(size) != tuple(expected):
        raise InputError(
            f"{path} is about an image of {' × '.join(map(str, size))} pixels (height × width), the image of the data "
            f"set has {expected[0]} × {expected[1]}; set {key} to the proposals of this data set, and prepare.max_side "
            "to 0, since the images must have the size that they were published with"
        )


def _superpixels(fields: Mapping[str, Any], path: Path) -> Int[np.ndarray, "h w"]:
    superpixels = fields["superpixels"]
    if not isinstance(superpixels, np.ndarray) or superpixels.ndim != 2 or superpixels.dtype.kind not in "iuf":
        raise InputError(f"{path}: superpixels is no matrix of numbers; download the segmented proposals again")
    return superpixels.astype(np.int64)


def _membership(
    fields: Mapping[str, Any], superpixels: Int[np.ndarray, "h w"], path: Path
) -> Bool[np.ndarray, "n labels"]:
    """Which labels each proposal is made of, best score first."""
    cells = fields["labels"]
    lists = [np.asarray(cell).ravel() for cell in cells]
    highest = int(superpixels.max(initial=0))
    joined = np.concatenate(lists) if lists else np.zeros(0)
    if joined.dtype.kind not in "iuf" or (joined.size and (joined.min() < 0 or joined.max() > highest)):
        raise InputError(
            f"{path}: labels names superpixels beyond those there are, 1 … {highest}; download the file again"
        )
    membership = np.zeros((len(lists), highest + 1), bool)
    rows = np.repeat(np.arange(len(lists)), [part.size for part in lists])
    membership[rows, joined.astype(np.int64)] = True
    membership[:, ~np.isin(np.arange(highest + 1), superpixels)] = False
    return membership[_ranking(fields, len(lists), path)]


def _ranking(fields: Mapping[str, Any], num: int, path: Path) -> Int[np.ndarray, " n"]:
    """The proposals' indices, best first; as they stand where there are no scores."""
    if "scores" not in fields:
        return np.arange(num)
    scores = np.asarray(fields["scores"], float).ravel()
    if len(scores) != num or not np.isfinite(scores).all():
        raise InputError(
            f"{path}: scores has {np.isfinite(scores).sum()} finite numbers for {num} proposals; download it again"
        )
    return np.argsort(-scores, kind="stable")


def _masks_of(maskmat: Any, path: Path) -> Bool[np.ndarray, "n h w"]:
    masks = [np.asarray(mask) for mask in maskmat]
    if not masks or any(mask.ndim != 2 or mask.shape != masks[0].shape for mask in masks):
        raise InputError(f"{path}: maskmat is no list of masks of one size; download it again")
    return np.stack(masks) > 0
