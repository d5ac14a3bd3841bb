"""What a figure of the papers is to the command that draws it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from matplotlib.figure import Figure

from empaste.layout import Layout

Option = Literal["image", "class", "num", "study"]


class Wish(NamedTuple):
    """What to show; where nothing is named, a figure chooses.

    ``image_ids`` are training images, ``num`` is how many rows a figure has (of the iterations, how many classes), and
    ``study`` the result of a study to draw in place of the run.
    """

    image_ids: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    num: int | None = None
    study: Path | None = None

    @property
    def options(self) -> set[Option]:
        """The options that were given."""
        given: dict[Option, object] = {
            "image": self.image_ids, "class": self.class_names, "num": self.num, "study": self.study,
        }  # fmt: skip
        return {name for name, value in given.items() if value}


class Drawing(NamedTuple):
    """A figure, and one sentence on what it shows."""

    figure: Figure
    caption: str


class PaperFigure(NamedTuple):
    """A figure: its numbers in the papers, and ``draw(files, wish)``.

    ``draw`` raises `InputError` where the wish cannot be met, or artifacts do not fit each other. ``needs`` are the
    artifacts without which there is nothing to draw, as `layout.HERE` has them; ``heeds`` are the options that change
    what it shows.
    """

    numbers: str
    draw: Callable[[Layout, Wish], Drawing]
    needs: Callable[[Wish], tuple[Path, ...]]
    heeds: frozenset[Option]
