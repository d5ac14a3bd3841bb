"""Panels on a page: places, marks in the image's pixels, and the same bytes every time."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle

from empaste.images import decode_rgb
from empaste.paper_figures.canvas import DPI, FORMATS, WIDTH, Format, encode, style
from empaste.paper_figures.panels import BLUE, ORANGE, Cross, Frame, Key, Outline, Panel, Ring, Row, Words
from empaste.paper_figures.sheets import MARGIN, MAX_PANEL, draw_rows, outline_path
from tests.paper_figures.conftest import pictures, point, texts


def square(size_hw: tuple[int, int] = (40, 60)) -> np.ndarray:
    mask = np.zeros(size_hw, bool)
    mask[10:20, 30:50] = True
    return mask


def gray(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def test_an_outline_lies_on_the_border_of_its_mask() -> None:
    path = outline_path(square())
    assert path is not None
    box = path.get_extents()
    assert [box.x0, box.y0, box.x1, box.y1] == pytest.approx([29.5, 9.5, 49.5, 19.5], abs=0.3)
    assert outline_path(np.zeros((4, 5), bool)) is None


def test_an_outline_goes_round_a_hole() -> None:
    mask = square((60, 60))
    mask[12:18, 34:44] = False
    with style():
        figure = draw_rows([Row([Panel(gray(60, 60), [Outline(mask, "#ff0000", fill=1.0)])])])
        image = decode_rgb(encode(figure, "png"), "a figure")
    places = [round(DPI * (MARGIN + MAX_PANEL * (pixel + 0.5) / 60)) for pixel in (31, 11, 39, 15)]
    inside, hole = image[places[1], places[0]], image[places[3], places[2]]
    assert (inside.tolist(), hole.tolist()) == ([255, 0, 0], [90, 90, 90])


def test_marks_are_drawn_in_pixels_of_the_image() -> None:
    with style():
        figure = draw_rows([Row([Panel(gray(40, 60), [Ring(12, 20, 5.5), Cross(3, 4), Outline(square(), BLUE, 0.2)])])])
    (axes,) = pictures(figure)
    assert axes.get_xlim() == (-0.5, 59.5)
    assert axes.get_ylim() == (39.5, -0.5)
    (ring,) = (patch for patch in axes.patches if isinstance(patch, Circle))
    assert (ring.center, ring.radius) == ((12, 20), 5.5)
    points = {point(line) for line in axes.lines}
    assert points == {(12, 20), (3, 4)}
    outlines = [patch.get_path().get_extents() for patch in axes.patches if not isinstance(patch, Circle)]
    assert [round(box.x0) for box in outlines] == [30, 30]  # the tint and the line


def test_panels_keep_their_places_and_pages_their_width() -> None:
    few = draw_rows([Row([Panel(gray(30, 30)), None])])
    assert few.get_size_inches()[0] == pytest.approx(2 * MAX_PANEL + 2 * MARGIN, abs=0.1)
    many = draw_rows([Row([None] * 11 + [Panel(gray(30, 40), caption="last")], label="row", titles=["title"] * 12)])
    assert many.get_size_inches()[0] == pytest.approx(WIDTH, abs=0.01)
    (axes,) = pictures(many)
    assert axes.get_position().x1 * WIDTH == pytest.approx(WIDTH - MARGIN, abs=0.01)
    assert {"last", "row", "title"} <= set(texts(many))


def test_what_is_written_stays_on_the_page() -> None:
    lines = [[Words("caption: "), Words("word " * 18, ORANGE, bold=True)]]
    keys = [Key(Frame(BLUE), "right"), Key(Frame(ORANGE, dashed=True), "wrong")]
    long = Panel(gray(50, 30), caption="a caption of more words than have room below such a narrow panel")
    with style():
        figure = draw_rows([Row([long, Panel(None, text="nothing to see here, move on")], "a\nb", lines)], keys)
        figure.draw_without_rendering()
        renderer = figure._get_renderer()  # type: ignore[attr-defined]
        boxes = [
            text.get_window_extent(renderer) for text in [*figure.texts, *(t for a in figure.axes for t in a.texts)]
        ]
    width, height = figure.get_size_inches() * figure.dpi
    assert len(boxes) > 8
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)


def test_a_frame_has_its_colour_and_what_has_none_has_no_border() -> None:
    figure = draw_rows([Row([Panel(gray(9, 9), frame=Frame(ORANGE, dashed=True)), Panel(gray(9, 9))])])
    framed, bare = pictures(figure)
    assert to_hex(framed.spines["left"].get_edgecolor()) == ORANGE
    assert framed.spines["left"].get_visible()
    assert not bare.spines["left"].get_visible()


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (300, 1), (20, 3000)])
def test_a_picture_of_any_shape_is_drawn(size_hw: tuple[int, int]) -> None:
    with style():
        assert encode(draw_rows([Row([Panel(gray(*size_hw), [Outline(np.ones(size_hw, bool), BLUE)])])]), "png")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_panels_give_the_same_bytes(kind: Format) -> None:
    def drawn() -> bytes:
        panel = Panel(gray(40, 60), [Outline(square(), BLUE, 0.3), Ring(5, 5, 3)], "a caption", Frame())
        with style():
            return encode(draw_rows([Row([panel], "label", [[Words("a", BLUE), Words("b")]], ["title"])]), kind)

    first = drawn()
    assert first == drawn()
    assert first.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind])
    assert b"CreationDate" not in first
    assert b"<dc:date>" not in first
