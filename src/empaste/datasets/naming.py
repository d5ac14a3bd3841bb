"""Where the files of a data set are, and what they are called under data/images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from empaste.artifacts.image_names import FOLDER_MARK
from empaste.datasets.records import Example
from empaste.errors import InputError


def existing_folder(root: Path | None) -> Path:
    """``root`` where it is a folder; else `InputError`."""
    if root is None or not root.is_dir():
        kind = "a file" if root is not None and root.exists() else "missing"
        raise InputError(f"prepare.root is {str(root)!r}, which is {kind}; set it to the folder of the data set")
    return root


def inside(folder: Path, name: str, origin: str) -> Path:
    """The file ``name`` under ``folder``; `InputError`, naming ``origin``, where the name leads out of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name or ":" in path.parts[0]:
        raise InputError(f"{origin}: the file name is {name!r}; it must be a path below {folder}, without '..'")
    return folder / path


def name_files(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples with file names under data/images: split, then the stem, then the id too where stems repeat."""
    stems = {
        example.image_id: FOLDER_MARK.join(PurePosixPath(example.file_name).with_suffix("").parts)
        for example in examples
    }
    counts = Counter((example.split, stems[example.image_id].lower()) for example in examples)

    def renamed(example: Example) -> Example:
        stem = stems[example.image_id]
        suffix = f"-{example.image_id}" if counts[example.split, stem.lower()] > 1 else ""
        return replace(example, file_name=f"{example.split}/{stem}{suffix}.jpg")

    return tuple(renamed(example) for example in examples)


def listed(names: Sequence[str], limit: int = 5) -> str:
    """The first few of ``names``, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
