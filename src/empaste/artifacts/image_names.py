"""Which image of ``data/images`` a name from elsewhere means: of a caption file, or of a file of foregrounds."""

from collections import Counter
from collections.abc import Collection
from pathlib import PurePosixPath

from empaste.images import SUFFIXES

FOLDER_MARK = "__"
"""What the prepare stage joins the folders and the name of a file by."""


def name_key(name: str) -> str:
    """What an image is known by: its name below the folder of images, without the ending, in lower case.

    Folders are joined by two underscores, as the prepare stage names its files.
    """
    return FOLDER_MARK.join(without_ending(PurePosixPath(name.replace("\\", "/"))).parts).lower()


def without_ending(path: PurePosixPath) -> PurePosixPath:
    """``path`` without the ending of an image file; a dot in the name itself (``1569478414.73587``) stays."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def match_bare_keys(keys: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Of ``keys`` those to which one of ``others`` is equal without folders, and that one.

    Left out is what two of the ``keys`` or two of the ``others`` are called without folders.
    """
    counts, other_counts = (Counter(map(_bare, all_keys)) for all_keys in (keys, others))
    unique = {bare: other for other in others if other_counts[bare := _bare(other)] == 1}
    return {key: unique[bare] for key in keys if counts[bare := _bare(key)] == 1 and bare in unique}


def _bare(key: str) -> str:
    return key.rpartition(FOLDER_MARK)[2]
