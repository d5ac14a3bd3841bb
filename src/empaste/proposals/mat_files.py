"""MATLAB files of precomputed proposals, as the authors of MCG and COB publish them.

A file of one image holds, by itself or in a struct ``proposals`` or ``candidates``,

- ``superpixels`` (h, w), a partition of the image with labels from 1; ``labels``, a cell array with the list of
  superpixels that form each proposal; ``scores``, one per proposal, where higher is better; or
- ``maskmat``, the masks themselves: a cell array of (h, w) masks, or one (n, h, w) array, best first. This form of
  COB's VOC proposals is what later work on weakly-supervised instance segmentation passes on.

MATLAB's own formats from version 5 to 7 are read by `mat5`, version 7.3 (which is HDF5) by h5py. Version 4 has neither
cell arrays nor structs.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.artifacts.file_index import FileIndex
from empaste.artifacts.mat5 import MAX_BYTES, MAX_DEPTH, DamagedFileError, is_mat5, read_variables
from empaste.errors import InputError, install_command, require_extra
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.suppression import first_of_each
from empaste.settings import FileName, Positive, Settings

FIELDS = ("superpixels", "labels", "scores", "maskmat")
STRUCTS = ("proposals", "candidates")
PREFIXES = ("", "COCO_train2014_", "COCO_val2014_")
"""What stands before an image's name: the files of COCO carry the names that the images had in 2014."""
MAX_LABEL = 2**26
"""No image has so many superpixels: they are numbered from 1."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""How HDF5 begins; MATLAB puts 512 bytes of its own before it."""
HDF5_ERRORS = (OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
               NotImplementedError, MemoryError)  # fmt: skip
"""What h5py raises for files that are cut off or damaged."""


class PublishedFiles(Settings):
    """A folder of published .mat files, one per image, and how many of an image's proposals are taken."""

    root: FileName
    num_best: Positive


def published_files(name: str, learned_from: str) -> Method[PublishedFiles]:
    """The record of the method ``name``, whose segments are read from published files."""
    return Method(
        name,
        partial(propose, key=f"proposals.{name}.root"),
        PublishedFiles,
        learned_from=learned_from,
        precomputed=True,
        asks=("root",),
        needs=("h5py",),
        needed_for_all=False,  # files of MATLAB 7.3 alone
        install=install_command("matlab"),
        speed="1300",
    )


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PublishedFiles, context: Context, key: str) -> Segments:
    """Masks and scores of the ``num_best`` best published proposals of the image; see `read_proposals`."""
    return read_proposals(Path(str(settings.root)), context.file_name, image.shape[:2], settings.num_best, key)


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
    """The file in ``root`` for the image ``file_name``: of the same name, but ``.mat``, perhaps as COCO had it in 2014.

    The exact name wins; else one that differs in case or Unicode form alone. `InputError` where there is none, and
    where there are several of either kind.
    """
    stem = Path(file_name).stem
    if not root.is_dir():
        raise InputError(
            f"{key} is {str(root)!r}, which is no folder; set it to the folder of the published .mat files"
        )
    if (exact := root / f"{stem}.mat").is_file():
        return exact
    index = _index(root, root.stat().st_mtime_ns)
    names = [f"{prefix}{stem}.mat" for prefix in PREFIXES]
    found = [root / name for name in names if (root / name).is_file()]
    found = found or [path for name in names for path in index.at(name) if path.is_file()]
    if len(found) > 1:
        raise InputError(
            f"{key}, {root}, has several files for the image {file_name}: {', '.join(path.name for path in found)}; "
            f"keep one, or name the right one {stem}.mat"
        )
    if found:
        return found[0]
    raise InputError(
        f"{key}, {root}, has no {stem}.mat for the image {file_name} ({len(index.files)} .mat files lie in it); "
        "set it to the folder of this data set's proposals, or unpack the missing ones"
    )


@lru_cache(maxsize=2)
def _index(root: Path, _changed: int) -> FileIndex:
    """The .mat files of a folder; listed again when the folder changed."""
    return FileIndex(root, (path for path in sorted(root.iterdir()) if path.suffix.lower() == ".mat"))


def read_fields(path: Path) -> dict[str, Any]:
    """What the file holds of `FIELDS`, by itself or in one of `STRUCTS`: arrays, and lists of arrays for cell arrays.

    `InputError` where it cannot be read, holds no proposals, or holds them in two places.
    """
    content = _read(path)
    places = {"": content, **{struct: content[struct] for struct in STRUCTS if isinstance(content.get(struct), dict)}}
    found = {
        place: {name: fields[name] for name in FIELDS if name in fields}
        for place, fields in places.items()
        if "maskmat" in fields or {"superpixels", "labels"} <= fields.keys()
    }
    if len(found) > 1:
        there = ", ".join(f"{place or 'the file itself'}" for place in found)
        raise InputError(f"{path} holds proposals in several places: {there}; keep one of them")
    if not found:
        there = ", ".join(sorted({*content, *(name for fields in places.values() for name in fields)})) or "none"
        raise InputError(
            f"{path} holds {there} of the published variables; proposals hold superpixels and labels, or maskmat: "
            "download the segmented proposals (contours and boxes are other files)"
        )
    return next(iter(found.values()))


def _read(path: Path) -> dict[str, Any]:
    """The variables in the file, by name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); restore it") from error
    if SIGNATURE in (data[:8], data[512:520]):
        return _read_hdf5(path)
    if not is_mat5(data):
        raise _unreadable(path, "its first bytes are of no version from 5 to 7.3")
    try:
        return read_variables(data, (*FIELDS, *STRUCTS))
    except DamagedFileError as error:
        raise _unreadable(path, str(error)) from error


def _read_hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise require_extra("h5py", "matlab") from error
    try:
        with h5py.File(path) as file:
            return {name: _resolve(file[name], file, 0) for name in (*FIELDS, *STRUCTS) if name in file}
    except HDF5_ERRORS as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _resolve(node: Any, file: Any, depth: int) -> Any:
    """A struct as a dict, a cell array as a list, an array with its axes in MATLAB's order."""
    import h5py

    if depth > MAX_DEPTH:
        raise ValueError("a cell array leads to itself")
    if isinstance(node, h5py.Group):
        return {name: _resolve(node[name], file, depth + 1) for name in FIELDS if name in node}
    if not isinstance(node, h5py.Dataset):
        return None
    # An empty array is stored as its size.
    if node.attrs.get("MATLAB_empty", 0):
        return [] if node.attrs.get("MATLAB_class") == b"cell" else np.zeros(0)
    if node.size is None or node.size * node.dtype.itemsize > MAX_BYTES:
        raise ValueError(f"an array has the size {node.shape}")
    value = np.asarray(node[()]).T
    if value.dtype != object:
        return value
    return [_resolve(file[reference], file, depth + 1) for reference in value.flat]


def _unreadable(path: Path, reason: str) -> InputError:
    size = path.stat().st_size
    return InputError(f"{path} is no MATLAB file that can be read ({size} bytes; {reason}); download it again")


def _check_size(size: tuple[int, ...], expected: tuple[int, int], path: Path, key: str) -> None:
    if tuple(size) != tuple(expected):
        raise InputError(
            f"{path} is about an image of {' × '.join(map(str, size))} pixels (height × width), the image of the data "
            f"set has {expected[0]} × {expected[1]}; set {key} to the proposals of this data set, and prepare.max_side "
            "to 0, since the images must have the size that they were published with"
        )


def _superpixels(fields: Mapping[str, Any], path: Path) -> Int[np.ndarray, "h w"]:
    superpixels = fields["superpixels"]
    if not _is_numeric(superpixels) or superpixels.ndim != 2 or not _are_labels(superpixels):
        raise InputError(f"{path}: superpixels is no matrix of labels; download the segmented proposals again")
    labels: Int[np.ndarray, "h w"] = superpixels.astype(np.int64)
    return labels


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iufb"


def _are_labels(values: np.ndarray) -> bool:
    """Whether these are whole numbers, from 0 to below the number of an image's pixels."""
    whole = values.astype(float)
    return bool(np.isfinite(whole).all() and (whole == np.round(whole)).all()
                and whole.min(initial=0) >= 0 and whole.max(initial=0) < MAX_LABEL)  # fmt: skip


def _membership(
    fields: Mapping[str, Any], superpixels: Int[np.ndarray, "h w"], path: Path
) -> Bool[np.ndarray, "n labels"]:
    """Which labels each proposal is made of, best score first."""
    cells = fields["labels"]
    if not isinstance(cells, list) or not all(_is_numeric(cell) for cell in cells):
        raise InputError(f"{path}: labels is no cell array of lists of numbers; download the file again")
    highest = int(superpixels.max(initial=0))
    lists = [cell.ravel() for cell in cells]
    joined = np.concatenate(lists).astype(float) if lists else np.zeros(0)
    if not _are_labels(joined) or joined.max(initial=0) > highest:
        raise InputError(
            f"{path}: labels names superpixels beyond those there are, 1 … {highest}; download the file again"
        )
    if len(lists) * (highest + 1) > MAX_BYTES:
        raise InputError(f"{path}: {len(lists)} proposals of {highest} superpixels are too many; download it again")
    membership = np.zeros((len(lists), highest + 1), bool)
    rows = np.repeat(np.arange(len(lists)), [part.size for part in lists])
    membership[rows, joined.astype(np.int64)] = True
    membership[:, ~np.isin(np.arange(highest + 1), superpixels)] = False
    ranked: Bool[np.ndarray, "n m"] = membership[_ranking(fields, len(lists), path)]
    return ranked


def _ranking(fields: Mapping[str, Any], num: int, path: Path) -> Int[np.ndarray, " n"]:
    """The proposals' indices, best first; as they stand where there are no scores."""
    if "scores" not in fields:
        return np.arange(num)
    scores = fields["scores"].astype(float).ravel() if _is_numeric(fields["scores"]) else np.zeros(0)
    if len(scores) != num or not np.isfinite(scores).all():
        raise InputError(
            f"{path}: scores has {np.isfinite(scores).sum()} finite numbers for {num} proposals; download it again"
        )
    return np.argsort(-scores, kind="stable")


def _masks_of(maskmat: Any, path: Path) -> Bool[np.ndarray, "n h w"]:
    masks = list(maskmat) if isinstance(maskmat, list) or (_is_numeric(maskmat) and maskmat.ndim == 3) else []
    fitting = all(_is_numeric(mask) and mask.ndim == 2 and mask.shape == masks[0].shape for mask in masks)
    if not masks or not fitting:
        raise InputError(f"{path}: maskmat is no list of masks of one size; download it again")
    return np.stack(masks) > 0
