"""Flow charts as SVG, from the part of Mermaid's language that the pages use, so that a page needs no script.

Understood are ``flowchart LR`` or ``TB``, edges such as ``a & b --> c["text"] --> d``, and nothing else. The layers
are found by the longest path, places within them by the barycentres of neighbours (Sugiyama et al. 1981, by grandalf,
which DVC brings along).
"""

import html
import re
from collections.abc import Iterator
from itertools import pairwise, product
from typing import NamedTuple

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout

BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NODE = re.compile(r'(\w+)(?:\["([^"]+)"\])?')
AND = re.compile(r'\s+&\s+(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""Between names, not within a label."""
LETTER, LINE, PADDING, GAP = 7.6, 18.0, 11.0, 28.0
"""Mean width of a letter, height of a line, and distances, in pixels at a font of 14."""


class Flowchart(NamedTuple):
    """Boxes and arrows."""

    direction: str
    labels: dict[str, str]
    """By the names of the boxes; ``<br>`` breaks a line."""
    edges: list[tuple[str, str]]


class Box(NamedTuple):
    """A box in the picture, in pixels: centre and size."""

    x: float
    y: float
    width: float
    height: float


def draw_flowcharts(markdown: str) -> str:
    """The Markdown of a page with every block of Mermaid in it as SVG."""
    return BLOCK.sub(lambda found: draw(parse(found[1])), markdown)


def parse(text: str) -> Flowchart:
    """The chart that ``text`` describes; ValueError, with the line, for anything but boxes and arrows."""
    first, *lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if first not in ("flowchart LR", "flowchart TB"):
        raise ValueError(f"{first!r} is not understood; write: flowchart LR, or: flowchart TB")
    labels: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for line in lines:
        groups = [list(_nodes(part, line, labels)) for part in line.split("-->")]
        edges += [edge for left, right in pairwise(groups) for edge in product(left, right)]
    return Flowchart(first.split()[1], labels, edges)


def _nodes(part: str, line: str, labels: dict[str, str]) -> Iterator[str]:
    """The names in one side of an arrow; their labels are kept."""
    for word in AND.split(part.strip()):
        if not (found := NODE.fullmatch(word)):
            raise ValueError(f'{line!r} is not understood; write: name --> other & third["its text"]')
        name, label = found.groups()
        labels[name] = label or labels.get(name, name)
        yield name


def draw(chart: Flowchart) -> str:
    """``chart`` as SVG on one line, which Markdown leaves as it is; colours follow the page's."""
    boxes = place(chart)
    left = min(box.x - box.width / 2 for box in boxes.values()) - 2
    top = min(box.y - box.height / 2 for box in boxes.values()) - 2
    width = max(box.x + box.width / 2 for box in boxes.values()) + 2 - left
    height = max(box.y + box.height / 2 for box in boxes.values()) + 2 - top
    arrows = (_arrow(boxes[one], boxes[other], chart.direction) for one, other in chart.edges)
    named = ", ".join(f"{one} to {other}" for one, other in chart.edges)
    return (
        f'<svg class="flowchart" role="img" aria-label="{named}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" style="max-width: {width:.0f}px">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z"/></marker></defs>{"".join(arrows)}'
        f"{''.join(_box(boxes[name], label) for name, label in chart.labels.items())}</svg>"
    )


def place(chart: Flowchart) -> dict[str, Box]:
    """Where each box lies."""
    vertices = {name: Vertex(name) for name in chart.labels}
    for name, vertex in vertices.items():
        vertex.view = _View(*_size(chart.labels[name], chart.direction))
    graph = Graph(list(vertices.values()), [Edge(vertices[one], vertices[other]) for one, other in chart.edges])
    for part in graph.C:
        _lay_out(part)
    return {name: _turned(vertex.view, chart.direction) for name, vertex in vertices.items()}


class _View:
    """What grandalf asks of a box; its layers lie below each other."""

    def __init__(self, width: float, height: float) -> None:
        self.w, self.h = width, height
        self.xy = (0.0, 0.0)


def _lay_out(part: object) -> None:
    layout = SugiyamaLayout(part)
    layout.xspace, layout.yspace = GAP / 2, GAP
    layout.init_all()
    layout.draw(10)


def _size(label: str, direction: str) -> tuple[float, float]:
    """Width and height of a box in the layout's frame, which is turned for a chart from left to right."""
    lines = label.split("<br>")
    size = max(map(len, lines)) * LETTER + 2 * PADDING, len(lines) * LINE + PADDING
    return size if direction == "TB" else (size[1], size[0])


def _turned(view: _View, direction: str) -> Box:
    (x, y), w, h = view.xy, view.w, view.h
    return Box(x, y, w, h) if direction == "TB" else Box(y, x, h, w)


def _arrow(one: Box, other: Box, direction: str) -> str:
    """A curve from the border of one box to that of the other."""
    if direction == "TB":
        x0, y0, x1, y1 = one.x, one.y + one.height / 2, other.x, other.y - other.height / 2
        bend = f"{x0:.1f} {(y0 + y1) / 2:.1f} {x1:.1f} {(y0 + y1) / 2:.1f}"
    else:
        x0, y0, x1, y1 = one.x + one.width / 2, one.y, other.x - other.width / 2, other.y
        bend = f"{(x0 + x1) / 2:.1f} {y0:.1f} {(x0 + x1) / 2:.1f} {y1:.1f}"
    return f'<path class="arrow" marker-end="url(#head)" d="M{x0:.1f} {y0:.1f}C{bend} {x1:.1f} {y1:.1f}"/>'


def _box(box: Box, label: str) -> str:
    lines = label.split("<br>")
    top = box.y - (len(lines) - 1) * LINE / 2
    rows = (
        f'<text x="{box.x:.1f}" y="{top + number * LINE:.1f}">{html.escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    x, y = box.x - box.width / 2, box.y - box.height / 2
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5"/>{"".join(rows)}'
