"""Parts of a data set that are reported apart: images whose file names match a pattern."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from empaste.errors import InputError


def parse_parts(options: Sequence[str]) -> dict[str, str]:
    """``NAME=PATTERN`` options as a mapping."""
    parts = dict(option.partition("=")[::2] for option in options)
    for option in options:
        if not all(option.partition("=")) or option.startswith("all="):
            raise InputError(f"--part is {option!r}; write a name (not all), = and a pattern such as voc='[!1]*'")
    return parts


def find_parts(file_names: Sequence[str], parts: Mapping[str, str]) -> dict[str, set[str]]:
    """By name of a part, those of ``file_names`` that fit its pattern, in which capital letters are others than small.

    `InputError` where none fits.
    """
    found = {part: {name for name in file_names if fnmatchcase(name, pattern)} for part, pattern in parts.items()}
    for part, names in found.items():
        if not names:
            raise InputError(
                f"none of the {len(file_names)} images to measure has a file name that fits {parts[part]!r} of --part "
                f"{part}={parts[part]}; correct it"
            )
    return found
