"""Rows of panels laid out on a page: columns of one width, rows as high as their tallest picture."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from empaste.paper_figures.canvas import (
    DPI,
    LETTER,
    LETTER_WIDTH,
    LINE,
    POINT,
    WIDTH,
    Place,
    add_axes,
    new_figure,
    write,
)
from empaste.paper_figures.letters import lettered
from empaste.paper_figures.panels import SOFT, Frame, Key, Line, Mark, Outline, Panel, Ring, Row, Words
from empaste.report.drawing import enlarge, enlarge_mask

GAP, MARGIN = 0.06, 0.04
"""Inches: between panels, and around everything."""
LABEL, UPRIGHT = 0.78, 0.16
"""Inches: for the labels of rows, where there are any; where none has several lines they stand upright."""
MAX_PANEL = 1.5
"""Inches: the width of a panel at most."""
MAX_ASPECT = 1.6
"""Height of a panel over its width at most; a picture that is taller becomes narrower."""
CAPTION = 6.0
"""Points: the size of captions."""
OUTLINE_SIDE = 800
"""Pixels: the longest side of the mask that an outline is followed along, at least."""


class Grid(NamedTuple):
    """Where panels stand: the left edge of the first, the width of each, and whether labels stand upright."""

    left: float
    panel: float
    upright: bool

    def column(self, number: int) -> float:
        """The left edge of a column."""
        return self.left + number * (self.panel + GAP)


def draw_rows(rows: Sequence[Row], keys: Sequence[Key] = ()) -> Figure:
    """A page with ``rows`` from top to bottom, below them ``keys``; at least one row with at least one panel."""
    grid = _grid(rows)
    heights = [_row_height(row, grid) for row in rows]
    below = (LINE * POINT + GAP) * bool(keys)
    figure = new_figure(_page_width(rows, grid), sum(heights) - GAP + 2 * MARGIN + below)
    top = MARGIN
    for row, height in zip(rows, heights, strict=True):
        _draw_row(figure, row, grid, top)
        top += height
    _draw_keys(figure, keys, grid, top)
    return figure


def _grid(rows: Sequence[Row]) -> Grid:
    most = max(len(row.panels) for row in rows)
    upright = not any("\n" in row.label for row in rows)
    left = MARGIN + (UPRIGHT if upright else LABEL) * any(row.label for row in rows)
    return Grid(left, min(MAX_PANEL, (WIDTH - left - MARGIN + GAP) / most - GAP), upright)


def _page_width(rows: Sequence[Row], grid: Grid) -> float:
    """Inches that the panels and the longest line take, with a margin."""
    most = max(len(row.panels) for row in rows)
    letters = max((sum(map(_num_letters, line)) for row in rows for line in row.lines), default=0.0)
    longest = MARGIN + letters * LETTER * LETTER_WIDTH * POINT
    return max(grid.column(most) - GAP, min(longest, WIDTH - MARGIN)) + MARGIN


def _num_letters(words: Words) -> float:
    """How many plain letters are as wide as ``words``."""
    return cell_len(words.text) * (1.2 if words.bold else 1.0)


def _picture_height(row: Row, grid: Grid) -> float:
    """Inches from the upper to the lower edge of the row's pictures."""
    shapes = [panel.image.shape for panel in row.panels if panel is not None and panel.image is not None]
    return grid.panel * min(MAX_ASPECT, max((shape[0] / shape[1] for shape in shapes), default=1.0))


def _row_height(row: Row, grid: Grid) -> float:
    """Inches from the top of a row to that of the next."""
    captions = max((len(_wrapped(panel.caption, grid.panel)) for panel in row.panels if panel), default=0)
    above = LINE * (len(row.lines) + bool(row.titles)) * POINT
    return above + _picture_height(row, grid) + captions * CAPTION * 1.25 * POINT + (1.5 if captions else 1) * GAP


def _wrapped(text: str, width: float) -> list[str]:
    """``text`` in lines that fit into ``width`` inches as captions."""
    room = max(4, int(width / (CAPTION * LETTER_WIDTH * POINT)))
    lines = [line for part in text.splitlines() for line in Text(part).wrap(Console(), room)]
    return [line.plain.rstrip() for line in lines]


def _draw_row(figure: Figure, row: Row, grid: Grid, top: float) -> None:
    for line in row.lines:
        _write_line(figure, line, MARGIN, top)
        top += LINE * POINT
    if row.titles:
        for number, title in enumerate(row.titles):
            write(figure, grid.column(number) + grid.panel / 2, top, title, ha="center")
        top += LINE * POINT
    height = _picture_height(row, grid)
    for number, panel in enumerate(row.panels):
        if panel is not None:
            _draw_panel(figure, panel, Place(grid.column(number), top, grid.panel, height))
    if row.label:
        room, rotation = (height, 90) if grid.upright else (LABEL, 0)
        text = "\n".join(_wrapped(row.label, room))
        write(figure, MARGIN, top + height / 2, text, va="center", fontsize=CAPTION, rotation=rotation)


def _write_line(figure: Figure, line: Line, left: float, top: float) -> None:
    """The pieces of ``line``, each behind the one before."""
    axes = add_axes(figure, Place(left, top, WIDTH, LINE * POINT))
    axes.set_axis_off()
    anchor: Any = axes.transAxes
    for number, words in enumerate(line):
        shown = lettered(words.text)
        look: dict[str, Any] = {"color": words.colour, "weight": "bold" if words.bold else "normal"}
        place = (1, 0) if number else (0, 0.25)
        anchor = axes.annotate(shown.text, place, xycoords=anchor, va="bottom", family=shown.families, **look)


def _draw_keys(figure: Figure, keys: Sequence[Key], grid: Grid, top: float) -> None:
    """Side by side what the frames say."""
    side, left = CAPTION * POINT, grid.left
    for key in keys:
        axes = add_axes(figure, Place(left, top, 1.6 * side, side))
        axes.set_xticks([])
        axes.set_yticks([])
        _draw_frame(axes, key.frame)
        write(figure, left + 2.2 * side, top + side / 2, key.meaning, va="center_baseline", fontsize=CAPTION)
        left += (4 + len(key.meaning) * 0.9 * LETTER_WIDTH) * side


def _draw_panel(figure: Figure, panel: Panel, place: Place) -> None:
    axes = add_axes(figure, place)
    axes.set_xticks([])
    axes.set_yticks([])
    if panel.image is None:
        _draw_text_panel(axes, panel, place.width)
    else:
        _draw_picture(axes, panel, place)
    _draw_frame(axes, panel.frame)
    below = place.top + place.height + 0.5 * GAP
    for number, line in enumerate(_wrapped(panel.caption, place.width)):
        at = below + number * CAPTION * 1.25 * POINT
        write(figure, place.left + place.width / 2, at, line, ha="center", fontsize=CAPTION)


def _draw_text_panel(axes: Axes, panel: Panel, width: float) -> None:
    shown = lettered("\n".join(_wrapped(panel.text, width - 2 * GAP)))
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": CAPTION, "color": SOFT}
    axes.text(0.5, 0.5, shown.text, transform=axes.transAxes, family=shown.families, **look)


def _draw_picture(axes: Axes, panel: Panel, place: Place) -> None:
    assert panel.image is not None
    height, width = panel.image.shape[:2]
    side = round(DPI * max(place.width, place.height))
    axes.imshow(enlarge(panel.image, side), extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="none")
    for mark in panel.marks:
        _draw_mark(axes, mark)


def _draw_frame(axes: Axes, frame: Frame | None) -> None:
    for spine in axes.spines.values():
        spine.set_visible(frame is not None)
        if frame is not None:
            spine.set_color(frame.colour)
            spine.set_linewidth(1.2)
            spine.set_linestyle((0, (2, 1.5)) if frame.dashed else "-")


def _draw_mark(axes: Axes, mark: Mark) -> None:
    if isinstance(mark, Outline):
        _draw_outline(axes, mark)
    elif isinstance(mark, Ring):
        axes.add_patch(Circle((mark.x, mark.y), mark.radius, fill=False, color="white", lw=1.0, path_effects=_edge(2)))
        axes.plot([mark.x], [mark.y], ".", color="white", markersize=4, path_effects=_edge(1.5))
    else:
        axes.plot([mark.x], [mark.y], "+", color="white", markersize=8, mew=1.2, path_effects=_edge(2.6))


def _edge(width: float) -> list[patheffects.AbstractPathEffect]:
    """A dark edge, so that a light line shows on any ground."""
    return [patheffects.withStroke(linewidth=width, foreground="black")]


def _draw_outline(axes: Axes, mark: Outline) -> None:
    path = outline_path(mark.mask)
    if path is None:
        return
    if mark.fill:
        axes.add_patch(PathPatch(path, facecolor=mark.colour, alpha=mark.fill, edgecolor="none"))
    width = 0.7 if mark.thin else 1.2
    effects = [] if mark.thin else [patheffects.withStroke(linewidth=width + 1, foreground="white")]
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor=mark.colour, lw=width, path_effects=effects))


def outline_path(mask: Bool[np.ndarray, "h w"]) -> Path | None:
    """The smooth outlines of ``mask``, holes too, in its pixels; None where it is empty."""
    side = max(*mask.shape, OUTLINE_SIDE)
    large = enlarge_mask(mask, side).astype(np.uint8)
    contours, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    parts = [_closed(contour, mask.shape, large.shape) for contour in contours if len(contour) > 2]
    return Path.make_compound_path(*parts) if parts else None


def _closed(contour: np.ndarray, size_hw: tuple[int, ...], large_hw: tuple[int, ...]) -> Path:
    smooth = cv2.approxPolyDP(contour, 1.0, closed=True).reshape(-1, 2).astype(float)
    scale = np.array([size_hw[1] / large_hw[1], size_hw[0] / large_hw[0]])
    points: Float[np.ndarray, "k 2"] = (smooth + 0.5) * scale - 0.5
    return Path(np.vstack([points, points[:1]]), closed=True)
