"""Figures as files: places in inches from the upper left corner, the same bytes for the same figure."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.style import context

from empaste.paper_figures.letters import FAMILY, lettered
from empaste.paper_figures.panels import INK

Format = Literal["svg", "pdf", "png"]
FORMATS: dict[Format, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""Formats of files, and what keeps the time of drawing out of each."""

WIDTH = 7.0
"""Inches: the text of a page in two columns."""
DPI = 300
"""Pixels per inch of pictures, and of a PNG."""
POINT = 1 / 72
"""Inches."""
LETTER, LINE = 7.0, 7.0 * 1.3
"""Points: the size of letters, and the height of a line."""
LETTER_WIDTH = 0.6
"""Width of a letter over its size, on average and on the safe side."""
STYLE: dict[str, Any] = {
    "font.size": LETTER,
    "font.family": [FAMILY],
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.parse_math": False,  # a class may be called $x$
    "svg.hashsalt": "empaste",
    "svg.fonttype": "path",  # any viewer has the letters
    "pdf.fonttype": 42,
}


@contextmanager
def style() -> Iterator[None]:
    """What is drawn and encoded within the block looks the same on every machine, whatever its matplotlibrc says."""
    with context(STYLE, after_reset=True):
        yield


class Place(NamedTuple):
    """A rectangle on the page, in inches from the upper left corner."""

    left: float
    top: float
    width: float
    height: float


def new_figure(width: float, height: float) -> Figure:
    """An empty page of so many inches."""
    return Figure(figsize=(width, height), facecolor="white")


def add_axes(figure: Figure, place: Place) -> Axes:
    """Axes at ``place``."""
    width, height = figure.get_size_inches()
    bottom = height - place.top - place.height
    box = (place.left / width, bottom / height, place.width / width, place.height / height)
    return figure.add_axes(box)


def write(figure: Figure, left: float, top: float, text: str, **look: Any) -> None:
    """``text`` on the page, by default with its upper left corner at (left, top); ``look`` as matplotlib's."""
    width, height = figure.get_size_inches()
    shown = lettered(text)
    usual: dict[str, Any] = {"ha": "left", "va": "top", "color": INK, "family": shown.families}
    figure.text(left / width, 1 - top / height, shown.text, **usual | look)


def encode(figure: Figure, kind: Format) -> bytes:
    """The file of ``figure``: vectors as SVG or PDF, or a PNG of `DPI`."""
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=DPI, metadata=FORMATS[kind])
    return out.getvalue()
