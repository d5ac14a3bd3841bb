"""The report's hand-made run, and what the tests look for in figures drawn of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from empaste.layout import HERE, Layout
from empaste.paper_figures.canvas import style
from tests.report.conftest import make_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, which no test changes."""
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def files(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """Where the run lies; unfinished work goes to another folder."""
    monkeypatch.chdir(tmp_path)
    with style():
        yield HERE.below(run_folder)


def texts(figure: Figure) -> list[str]:
    """Everything that is written on a page beside its axes' ticks."""
    own = [text.get_text() for text in figure.texts]
    return own + [text.get_text() for axes in figure.axes for text in axes.texts]


def point(line: Line2D) -> tuple[float, float]:
    """The first point of a line."""
    x, y = np.asarray(line.get_xydata(), float)[0]
    return float(x), float(y)


def pictures(figure: Figure) -> list[Axes]:
    """The axes that hold a picture, in order."""
    return [axes for axes in figure.axes if axes.images]
