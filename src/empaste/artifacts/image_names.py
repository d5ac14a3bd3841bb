"""What names of images from elsewhere are compared by; `artifacts.image_keys` says which image a name means."""

import unicodedata
from collections import Counter
from collections.abc import Collection
from pathlib import PurePosixPath

from empaste.images import SUFFIXES

FOLDER_MARK = "__"
"""What the prepare stage joins the folders and the name of a file by."""


def name_key(name: str) -> str:
    """What an image is known by: its name below the folder of images, without the ending, in lower case, in NFC.

    Folders are joined by two underscores, as the prepare stage names its files.
    """
    plain = unicodedata.normalize("NFC", name).replace("\\", "/")
    return FOLDER_MARK.join(without_ending(PurePosixPath(plain)).parts).lower()


def without_ending(path: PurePosixPath) -> PurePosixPath:
    """``path`` without the ending of an image file; a dot in the name itself (``1569478414.73587``) stays."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def match_bare_keys(keys: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Of ``keys`` those to which one of ``others`` is equal without folders, and that one.

    Left out is what two of the ``keys`` or two of the ``others`` are called without folders.
    """
    counts, other_counts = (Counter(map(bare_key, all_keys)) for all_keys in (keys, others))
    unique = {bare: other for other in others if other_counts[bare := bare_key(other)] == 1}
    return {key: unique[bare] for key in keys if counts[bare := bare_key(key)] == 1 and bare in unique}


def bare_key(key: str) -> str:
    """What of `name_key` is the name without folders."""
    return key.rpartition(FOLDER_MARK)[2]
