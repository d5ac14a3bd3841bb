"""What names of images from elsewhere are compared by; `artifacts.image_keys` says which image a name means."""

import unicodedata
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


def bare_key(key: str) -> str:
    """What of `name_key` is the name without folders."""
    return key.rpartition(FOLDER_MARK)[2]
