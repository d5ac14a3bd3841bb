"""Names of exported images: any name becomes one that every file system and the format take, no two alike."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

LONGEST = 250
"""Bytes of a file's name without a number that tells it from others."""
FOLDER_MARK = "__"
"""What folders and the name of a file are joined by where a format has no place for folders."""


def export_names(names: Sequence[str], *, flat: bool, by_stem: bool) -> list[str]:
    """A path below the folder of images for each of ``names``, with slashes.

    Left as they are: names that are safe and not taken. In others what file systems or tools do not take becomes "_",
    and leading slashes and ".." are dropped. With ``flat`` folders are joined to the name. Names that are alike in
    lower case (with ``by_stem``: but for their endings, too) get a number, the first one keeps its own.
    """
    wanted = [_safe(name, flat) for name in names]
    taken = {str(parent).casefold() for name in wanted for parent in PurePosixPath(name).parents}
    found: dict[int, str] = {}
    for place, name in enumerate(names):
        if wanted[place] == name and _key(name, by_stem) not in taken:
            found[place] = name
            taken.add(_key(name, by_stem))
    for place in range(len(names)):
        if place not in found:
            found[place] = _free(wanted[place], taken, by_stem)
            taken.add(_key(found[place], by_stem))
    return [found[place] for place in range(len(names))]


def _safe(name: str, flat: bool) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    clean = [_clean(part) for part in parts] or ["_"]
    return _short(FOLDER_MARK.join(clean)) if flat else "/".join(map(_short, clean))


def _clean(part: str) -> str:
    """``part`` without control characters, bytes that are no UTF-8, what Windows forbids, and dots at its ends."""
    return re.sub(r'[\x00-\x1f\x7f\ud800-\udfff<>:"|?*]', "_", part).strip(" .") or "_"


def _short(part: str) -> str:
    """``part`` in at most `LONGEST` bytes, its ending kept."""
    if len(part.encode()) <= LONGEST:
        return part
    path = PurePosixPath(part)
    room = max(LONGEST - len(path.suffix.encode()), 0)
    return path.stem.encode()[:room].decode(errors="ignore") + path.suffix


def _key(name: str, by_stem: bool) -> str:
    return (PurePosixPath(name).with_suffix("").as_posix() if by_stem else name).casefold()


def _free(name: str, taken: set[str], by_stem: bool) -> str:
    path, number = PurePosixPath(name), 1
    place = name
    while _key(place, by_stem) in taken:
        number += 1
        place = path.with_stem(f"{path.stem}-{number}").as_posix()
    return place
