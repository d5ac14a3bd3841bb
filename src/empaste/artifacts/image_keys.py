"""Which images of ``data/images`` another program's file means: by their ids or by their names, decided once per file.

A number may be both an id and a file's name. So one key at a time cannot be told; all keys of a file together can.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from empaste.artifacts import fields
from empaste.artifacts.fields import listed
from empaste.artifacts.image_names import FOLDER_MARK, bare_key, name_key
from empaste.errors import InputError
from empaste.images import SUFFIXES

if TYPE_CHECKING:  # worker processes import this module, and none touches a table
    import pandas as pd

WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9]\d{0,18}))(?:\.0+)?", re.ASCII)
"""A number as text; with zeros before it (``000042``) it is a name."""

MAX_FOLDERS = 32
"""So many folders at the end of a path are compared."""


class NamedImage(NamedTuple):
    """An image of data/images."""

    image_id: int
    file_name: str
    split: str


@dataclass(frozen=True)
class NameMatches:
    """Name -> image, and names that several images could be called -> those, or that several names leave open."""

    found: dict[str, NamedImage]
    unclear: dict[str, str]


@dataclass(frozen=True)
class KeyMatches:
    """What the keys of a file are (None where no image is called so), and which image each means; ``unknown`` ones
    mean none.
    """

    by: Literal["id", "file name"] | None
    found: dict[str, NamedImage]
    unclear: dict[str, str]
    unknown: tuple[str, ...]
    note: str

    @property
    def said(self) -> str:
        """What to say of the file: ``names images by id``."""
        return f"names images by {self.by}{self.note}"


def named_images(table: "pd.DataFrame") -> list[NamedImage]:
    """The images of ``table`` (`schemas.prepare.Images`)."""
    return [NamedImage(*row) for row in table[["image_id", "file_name", "split"]].itertuples(index=False, name=None)]


def image_key(value: Any, place: str) -> str:
    """The key that a field holds, an id or a name, as text; `InputError` where it is neither number nor text."""
    if isinstance(value, str):
        return fields.text(value, place).strip()
    return str(fields.whole_number(value, place))


def match_keys(keys: Collection[str], images: Sequence[NamedImage], called: str) -> KeyMatches:
    """The images that ``keys`` mean, as `image_key` gives them: all by id, or all by file name.

    Ids where all are ids of ``images``; else names where all are names; else what some are, where none is the other.
    `InputError`, which calls the file ``called``, where both occur.
    """
    by_id = {one.image_id: one for one in images}
    ids = {key: by_id[number] for key in keys if (number := _id_of(key)) is not None and number in by_id}
    names = match_names(keys, images)
    known = names.found.keys() | names.unclear.keys()
    if keys and (len(ids) == len(keys) or (ids and not known)):
        unknown = tuple(key for key in keys if key not in ids)
        return KeyMatches("id", ids, {}, unknown, _note(ids, known, images))
    if keys and (len(known) == len(keys) or (known and not ids)):
        unknown = tuple(key for key in keys if key not in known)
        return KeyMatches("file name", names.found, names.unclear, unknown, "")
    if not ids and not known:
        return KeyMatches(None, {}, {}, tuple(keys), "")
    raise _undecided(keys, ids.keys(), known, called)


def require_known(matches: KeyMatches, images: Sequence[NamedImage], called: str) -> None:
    """`InputError`, which calls the file ``called``, where it is about none of ``images``."""
    if matches.by:
        return
    there = listed(matches.unknown, 3) or "nothing"
    wanted = listed([f"{one.file_name} (id {one.image_id})" for one in images], 3)
    raise InputError(
        f"{called} is about none of the {len(images):,} images of data/images: it has {there}; there are {wanted}; "
        "name images by their ids in data/images/images.parquet, or by their file names"
    )


def match_names(names: Collection[str], images: Sequence[NamedImage]) -> NameMatches:
    """The images that ``names`` mean.

    The file name as in data/images wins; else what is equal to it, or to the name in the data set, by `name_key`; else
    what the path ends in, folders and all; else what is equal without any folder, where only one of ``names`` is.
    """
    exact = {one.file_name: one for one in images}
    index = _ImageIndex(images)
    keys = {name: name_key(name) for name in names}
    called_so = Counter(bare_key(key) for key in set(keys.values()))
    matches = NameMatches({}, {})
    for name, key in keys.items():
        meant = [exact[name]] if name in exact else index.equal_to(key)
        without_folder = [] if meant else index.called(bare_key(key))
        if len(meant or without_folder) > 1:
            matches.unclear[name] = f"could mean {listed([one.file_name for one in meant or without_folder])}"
        elif without_folder and called_so[bare_key(key)] > 1:
            matches.unclear[name] = f"could mean {without_folder[0].file_name}, as another name of the file could"
        elif meant or without_folder:
            matches.found[name] = (meant or without_folder)[0]
    return _without_doubles(matches)


def _without_doubles(matches: NameMatches) -> NameMatches:
    """``matches`` without names that differ in the ending and mean one image: they were two files (a.jpg and a.png)."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, one in matches.found.items():
        names[one.file_name].append(name)
    doubled = {
        name: f"could mean {file_name}, as {next(other for other in own if other != name)} could"
        for file_name, own in names.items()
        if len({suffix for name in own if (suffix := PurePosixPath(name).suffix.lower()) in SUFFIXES}) > 1
        for name in own
    }
    found = {name: one for name, one in matches.found.items() if name not in doubled}
    return NameMatches(found, matches.unclear | doubled)


class _ImageIndex:
    """The images by `name_key` of their file name in data/images, and of their name in the data set."""

    def __init__(self, images: Sequence[NamedImage]) -> None:
        self._by_key: dict[str, list[NamedImage]] = defaultdict(list)
        self._by_bare: dict[str, list[NamedImage]] = defaultdict(list)
        for one in images:
            own = name_key(PurePosixPath(one.file_name).name)
            for key in {own, name_key(one.file_name)}:
                self._by_key[key].append(one)
            self._by_bare[bare_key(own)].append(one)

    def equal_to(self, key: str) -> list[NamedImage]:
        """The images of this key; else those whose key, folders and all, is the longest end of it."""
        parts = key.split(FOLDER_MARK)
        ends = (FOLDER_MARK.join(parts[start:]) for start in range(max(1, len(parts) - MAX_FOLDERS), len(parts) - 1))
        return next((self._by_key[end] for end in (key, *ends) if end in self._by_key), [])

    def called(self, bare: str) -> list[NamedImage]:
        """The images of this name without folders."""
        return self._by_bare.get(bare, [])


def _id_of(key: str) -> int | None:
    """The number that ``key`` is, None where it is none."""
    match = WHOLE_NUMBER.fullmatch(key)
    return int(match[1]) if match else None


def _note(ids: Collection[str], names: Collection[str], images: Sequence[NamedImage]) -> str:
    """What to say where ids are names of files, too."""
    both = [key for key in ids if key in names]
    if not both:
        return ""
    name = PurePosixPath(images[0].file_name).with_stem(both[0]).name
    return (
        f" ({len(both):,} of {len(ids):,} are also names of files, such as {both[0]}; write file names with their "
        f"ending, {name}, where names are meant)"
    )


def _undecided(keys: Collection[str], ids: Collection[str], names: Collection[str], called: str) -> InputError:
    kinds = {
        "ids": [key for key in keys if key in ids and key not in names],
        "file names": [key for key in keys if key in names and key not in ids],
        "either": [key for key in keys if key in names and key in ids],
        "neither": [key for key in keys if key not in names and key not in ids],
    }
    found = "; ".join(f"{kind}: {listed(some, 3)}" for kind, some in kinds.items() if some)
    return InputError(
        f"{called} does not say whether it names images by id or by file name ({found}); name all of them by their ids "
        "in data/images/images.parquet, or all by their file names with the ending, and leave out other images"
    )
