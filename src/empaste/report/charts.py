"""Line and bar charts as inline SVG: readable on light and dark, the same bytes for the same points."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from empaste.report.names import isolated, shortened

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 14, 42
MAX_POINTS = 400
NUM_COLOURS = 8
MAX_NAMES = 20
MAX_LETTERS = 14
NAME_ROOM = 24


def line_chart(
    series: Mapping[str, Points], x_label: str, y_label: str, y_range: tuple[float, float] | None = None
) -> str:
    """An SVG of one line per series (x, y), with ticks at round values and a legend; empty where no point is finite.

    More than `MAX_POINTS` points of a series are thinned at even spacing, the last one kept.
    """
    finite = {name: _thin([(x, y) for x, y in points if math.isfinite(y)]) for name, points in series.items()}
    finite = {name: points for name, points in finite.items() if points}
    if not finite:
        return ""
    xs, ys = ([point[axis] for points in finite.values() for point in points] for axis in (0, 1))
    x_ticks, y_ticks = _ticks(min(xs), max(xs)), _ticks(*(y_range or (min(ys), max(ys))))
    if all(x == int(x) for x in xs):
        x_ticks = [tick for tick in x_ticks if tick == int(tick)]
    frame = (min(xs), max(xs), y_ticks[0], y_ticks[-1])
    x_ticks = [tick for tick in x_ticks if frame[0] <= tick <= frame[1]]
    title = f"{y_label} over {x_label}"
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_grid(x_ticks, y_ticks, frame),
        *(_line(points, frame, number % NUM_COLOURS) for number, points in enumerate(finite.values())),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>',
        "</svg>",
    ]
    return f"<figure class='plot'><figcaption>{escape(y_label)}</figcaption>{''.join(parts)}{_legend(finite)}</figure>"


def bar_chart(series: Mapping[str, Mapping[str, float]], x_label: str, y_label: str) -> str:
    """An SVG of one bar per series and name, from 0 up, with a legend; empty where there is no name.

    The names stand below, slanted, in the order in which they are first met; more than `MAX_NAMES` are only counted.
    """
    names = list(dict.fromkeys(name for values in series.values() for name in values))
    if not names:
        return ""
    y_ticks = _ticks(0, max(1, *(value for values in series.values() for value in values.values())))
    room = NAME_ROOM if len(names) <= MAX_NAMES else 0
    step = (WIDTH - LEFT - RIGHT) / len(names)
    frame = (0.0, 1.0, 0.0, y_ticks[-1])
    short = shortened(names, MAX_LETTERS)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT + room}" role="img" aria-label="{escape(y_label)}">',
        *_grid([], y_ticks, frame),
        *(_bars(values, names, number, len(series), frame) for number, values in enumerate(series.values())),
        *(_slanted(name, short[name], LEFT + step * (place + 0.5)) for place, name in enumerate(names) if room),
        ""
        if room
        else f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">'
        f"{len(names)} {escape(x_label)}</text>",
        "</svg>",
    ]
    return f"<figure class='plot'><figcaption>{escape(y_label)}</figcaption>{''.join(parts)}{_legend(series)}</figure>"


def _bars(
    values: Mapping[str, float],
    names: list[str],
    number: int,
    num_series: int,
    frame: tuple[float, float, float, float],
) -> str:
    """The bars of one of ``num_series`` series, side by side with the others'."""
    step = (WIDTH - LEFT - RIGHT) / len(names)
    width = 0.8 * step / num_series
    rects = []
    for place, name in enumerate(names):
        _, top = _place(0, values.get(name, 0), frame)
        left = LEFT + step * (place + 0.1) + width * number
        rects.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT - BOTTOM - top:.1f}"/>')
    return f'<g class="c{number % NUM_COLOURS}">{"".join(rects)}</g>'


def _slanted(name: str, shown: str, x: float) -> str:
    """``shown`` below the axis; the whole of a ``name`` that was cut appears under the pointer."""
    y = HEIGHT - BOTTOM + 12
    whole = "" if shown == name else f"<title>{escape(isolated(name))}</title>"
    place = f'x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-40 {x:.1f} {y})"'
    return f"<text {place}>{escape(isolated(shown))}{whole}</text>"


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    stride = math.ceil(len(points) / MAX_POINTS)
    return points if stride <= 1 else [*points[:-1:stride], points[-1]]


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round values from at most ``low`` to at least ``high``."""
    if high <= low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * number, 10) for number in range(first, last + 1)]


def _place(x: float, y: float, frame: tuple[float, float, float, float]) -> tuple[float, float]:
    x_low, x_high, y_low, y_high = frame
    across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
    up = (y - y_low) / (y_high - y_low) if y_high > y_low else 0.5
    return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def _grid(x_ticks: list[float], y_ticks: list[float], frame: tuple[float, float, float, float]) -> list[str]:
    parts = []
    for tick in y_ticks:
        _, y = _place(frame[0], tick, frame)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x, _ = _place(tick, frame[2], frame)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{tick:g}</text>')
    return parts


def _line(points: Points, frame: tuple[float, float, float, float], colour: int) -> str:
    places = [_place(x, y, frame) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle class="c{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)
    return f'<polyline class="c{colour}" points="{path}"/>' + (dots if len(places) <= 12 else "")


def _legend(series: Mapping[str, object]) -> str:
    if len(series) < 2:
        return ""
    entries = (
        f'<li class="c{number % NUM_COLOURS}">{escape(isolated(name))}</li>' for number, name in enumerate(series)
    )
    return f"<ul class='legend'>{''.join(entries)}</ul>"
