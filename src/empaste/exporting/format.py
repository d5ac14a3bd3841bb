"""What a format is: how it is written, and what it can hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from empaste.exporting.annotated import AnnotatedSet

Trait = Literal["holes", "pieces", "overlaps", "scores", "crowds", "folders", "class names"]
"""What a data set may have and a format may have no place for; `exporting.losses` counts what is lost then."""


class Format(NamedTuple):
    """``write(data, folder)`` writes everything but the images, whose names below ``images`` are those of ``data``.

    ``lacks`` is what the format has no place for. ``names_by_stem``: files that belong together have the same name but
    for the ending, so that ``a.jpg`` and ``a.png`` may not both be there. ``called`` is its name in sentences.
    """

    called: str
    write: Callable[[AnnotatedSet, Path], None]
    images: str
    lacks: frozenset[Trait] = frozenset()
    names_by_stem: bool = False
