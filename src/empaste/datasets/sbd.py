"""Masks of the Semantic Boundaries Dataset (SBD), which most of VOC's images for training have no others than.

B. Hariharan et al.: Semantic contours from inverse detectors, ICCV 2011. Its archive unpacks to ``benchmark_RELEASE``;
``dataset/inst`` there holds a MATLAB file per image with a struct ``GTinst``: ``Segmentation`` numbers the objects of
the image from 1, and ``Categories`` names the class of each, by VOC's number. It knows no void.
"""

from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Integer

from empaste.artifacts.mat5 import DamagedFileError, is_mat5, read_variables
from empaste.errors import InputError

STRUCT = "GTinst"
SUFFIX = ".mat"
INSTANCES = ("inst", "benchmark_RELEASE/dataset/inst")
"""Where its files lie below the year folder, below the devkit or beside it."""

Objects = Integer[np.ndarray, "h w"]


def instance_folder(year: Path) -> Path | None:
    """The folder of SBD's files for the VOC year folder ``year``: in it, in the devkit, beside that; None without."""
    devkit = year.absolute().parent
    beside = [devkit.parent] if devkit.name == "VOCdevkit" else []
    places = [folder / name for folder in (year, devkit, *beside) for name in INSTANCES]
    return next((place for place in places if place.is_dir()), None)


def read_sbd(path: Path) -> tuple[Objects, Objects]:
    """Per pixel the number of an object, and its class; 0 where there is none.

    `InputError` where the file cannot be read, holds no `STRUCT`, or has objects without a class.
    """
    objects, categories = _fields(path)
    num, known = int(objects.max(initial=0)), len(categories)
    if known < num:
        raise InputError(f"{path} numbers {num} objects, and names the classes of {known}; unpack it again")
    return objects, np.concatenate([np.zeros(1, int), categories])[objects]


def _fields(path: Path) -> tuple[Objects, Integer[np.ndarray, " n"]]:
    """The struct's matrix of objects, and the class of each."""
    content = _struct(path)
    objects, categories = content.get("Segmentation"), content.get("Categories")
    if not (_holds_numbers(objects) and _holds_numbers(categories) and objects.ndim == 2):
        raise InputError(
            f"{path} holds no Segmentation and Categories in its {STRUCT}; unpack it again, from dataset/inst"
        )
    return objects.astype(int), categories.ravel().astype(int)


def _struct(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        found = read_variables(data, (STRUCT,)).get(STRUCT) if is_mat5(data) else None
    except (OSError, DamagedFileError) as error:
        raise InputError(f"{path} is no MATLAB file that can be read ({error}); unpack it again") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no {STRUCT}; give the files of SBD's folder dataset/inst, not of dataset/cls")
    return found


def _holds_numbers(value: Any) -> TypeGuard[np.ndarray]:
    """Whether ``value`` is an array of whole numbers, none below 0."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        return False
    return bool(np.isfinite(value).all() and (value == np.round(value)).all() and value.min(initial=0) >= 0)
