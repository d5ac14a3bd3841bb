"""Parts of a data set that are reported apart: images whose file names match a pattern."""

from collections.abc import Sequence

from empaste.errors import InputError


def parse_parts(options: Sequence[str]) -> dict[str, str]:
    """``NAME=PATTERN`` options as a mapping."""
    parts = dict(option.partition("=")[::2] for option in options)
    for option in options:
        if not all(option.partition("=")) or option.startswith("all="):
            raise InputError(f"--part is {option!r}; write a name (not all), = and a pattern such as voc='[!1]*'")
    return parts
