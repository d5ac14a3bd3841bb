"""Text of any script: every letter from the first font that has it, no two names alike, never out of the picture."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.report import fonts, lettering
from empaste.report.fonts import BuiltInFont, FileFont, default_font
from empaste.report.lettering import lettered, pieces, runs
from empaste.report.names import isolated

NAMES = [
    "NA", "None", "001", "1", "nothing", "C+", "C#", "a/b", "..", "a.b", "🍎", "🍐", "z" * 60, "z" * 59 + "y",
    "كرة", "كدة", "כדור", "中文", "日本語", "한국어", "हिन्दी", "हिन्दि", "<b>", '"', ";", "'", "$", "{{x}}", "ไทย",
    "ab", "a\u200bb", "a\u200eb", "👩\u200d🚀", "👍🏽", "👍", "🇩🇪", "U+1F34F", "🍏🍎", "\ue000", "\ue001",
    "✓", "✗", "…", "·",
]  # fmt: skip
COLOUR_EMOJI = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without fonts of its own."""
    with machine_with(monkeypatch):
        yield


@contextmanager
def machine_with(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> Iterator[None]:
    caches = (fonts.font_of, lettering.lettered)
    for one in caches:
        one.cache_clear()
    monkeypatch.setattr(fonts, "system_fonts", lambda: tuple(map(FileFont, paths)))
    yield
    for one in caches:
        one.cache_clear()


def drawn(text: str, width: int = 280, height: int = 70) -> np.ndarray:
    return lettered(text, 14, (0, 0, 0), (255, 255, 255), width, height)


def make_font(path: Path, letters: str) -> Path:
    """A font whose every letter is a square."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 700), (700, 700), (700, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(letter): "square" for letter in letters})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.mark.usefixtures("bare")
def test_no_two_names_look_alike() -> None:
    seen: dict[bytes, str] = {}
    for name in NAMES:
        image = drawn(isolated(name))
        key = repr(image.shape).encode() + image.tobytes()
        assert seen.setdefault(key, name) == name
        assert image.min() < 128


@pytest.mark.usefixtures("bare")
def test_letters_come_from_the_first_font_that_has_them() -> None:
    assert {piece.font for piece in pieces("dog 0.93 · é ✓ Ω ж א ك")} == {default_font()}
    assert all(isinstance(piece.font, BuiltInFont) for piece in pieces("中文狗日本語한국어"))
    assert [piece.text for piece in pieces("a🍎b")] == ["a", "U+1F34E", "b"]
    assert [piece.text for piece in pieces("x\u200by\ue000")] == ["x", "U+200B", "y", "U+E000"]


def test_a_font_of_the_machine_is_used_and_a_broken_one_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font")
    made = make_font(tmp_path / "b.ttf", "🍎")
    with machine_with(monkeypatch, tmp_path / "a.ttf", made):
        apple, pear = pieces("🍎🍐")
        assert apple.font == FileFont(made)
        assert pear.text == "U+1F350"
        square = drawn("🍎")
        assert (square[6:12, 2:8] == 0).all()
        assert square.shape[1] < 14


def test_fonts_of_the_machine_are_plain_before_bold_and_never_a_font_of_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["B-Bold.ttf", "b-Regular.ttf", "A-Italic.otf", "LastResort.otf", "c.ttf"]
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(tmp_path / name) for name in names])
    found = fonts.system_fonts.__wrapped__()
    files = [font.path.name if isinstance(font, FileFont) else font for font in found]
    assert files == ["b-Regular.ttf", "c.ttf", "A-Italic.otf", "B-Bold.ttf"]


@pytest.mark.usefixtures("bare")
def test_a_name_from_right_to_left_leaves_the_score_on_its_right() -> None:
    *name, _, _, _ = parts = list(runs(pieces(f"{isolated('🍎 כדור')} 中 0.93")))
    assert [(part.text, part.rtl) for part in parts] == [
        ("U+1F34E כדור", True),
        (" ", False),
        ("中", False),
        (" 0.93", False),
    ]
    assert len(name) == 1
    mixed = runs(pieces(isolated("א中ב")))
    assert [part.text for part in mixed] == ["ב", "中", "א"]


@pytest.mark.usefixtures("bare")
def test_without_fribidi_letters_are_turned_round_here(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = drawn(isolated("כדור"))
    monkeypatch.setattr(fonts, "joins_letters", lambda: False)
    lettering.lettered.cache_clear()
    lettering._extent.cache_clear()
    apart = drawn(isolated("כדור"))
    lettering._extent.cache_clear()
    assert apart.shape[0] == joined.shape[0]
    assert abs(apart.shape[1] - joined.shape[1]) <= 2
    assert fonts._directed("אב", True) == ("בא", None)
    assert fonts._directed("ab", False) == ("ab", None)
    state, text = fonts.describe_letters()
    assert state == "note"
    assert "Debian: libfribidi0" in text


@pytest.mark.usefixtures("bare")
def test_what_no_font_has_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, text = fonts.describe_letters()
    assert state == "note"
    assert "Hindi, Bengali, Tamil, Thai, emoji" in text
    assert "fonts-noto-core" in text
    made = make_font(tmp_path / "all.ttf", "".join(fonts.SAMPLES.values()))
    monkeypatch.setattr(fonts, "joins_letters", lambda: True)
    with machine_with(monkeypatch, made):
        assert fonts.describe_letters()[0] == "ok"


@pytest.mark.usefixtures("bare")
def test_a_long_text_goes_on_in_further_lines_and_then_loses_its_middle() -> None:
    one, two, three = (drawn(text, 280) for text in ("dog 0.93", "z" * 50 + " 0.93", "z" * 60 + " 0.93"))
    assert one.shape[1] < 80
    assert 220 < three.shape[1] <= 280
    assert one.shape[0] * 2 == two.shape[0] == three.shape[0]
    assert drawn("z" * 5000 + " 0.93").shape[0] <= 70
    lines = lettering._fitting("a" * 3000 + "b" * 3000 + " 0.93", 14, 280, 70)
    text = "".join(piece.text for line in lines for piece in line)
    assert len(lines) == 4
    assert text.startswith("aaa")
    assert text.endswith("bbb 0.93")
    assert "a…b" in text


@pytest.mark.usefixtures("bare")
def test_lines_are_broken_at_blanks_where_there_are_any() -> None:
    lines = lettering._lines(pieces("traffic light for people"), 14, 100)
    assert ["".join(piece.text for piece in line) for line in lines] == ["traffic light", "for people"]
    lines = lettering._lines(pieces("a" * 30), 14, 100)
    assert "".join(piece.text for piece in itertools.chain(*lines)) == "a" * 30
    assert len(lines) == 3


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="abW 中🍎كא\u0301ह्\u200d\u200b\u2068\u2069", max_size=40),
    st.integers(-5, 300),
    st.integers(-5, 60),
)
def test_it_never_runs_out_of_its_room(text: str, width: int, height: int) -> None:
    image = lettered(text, 14, (0, 0, 0), (255, 255, 255), width, height)
    assert 1 <= image.shape[0] <= max(1, height)
    assert 1 <= image.shape[1] <= max(1, width)


@pytest.mark.skipif(not COLOUR_EMOJI.exists(), reason="not installed (Debian: fonts-noto-color-emoji)")
def test_pictures_are_shrunk_to_the_size_of_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    with machine_with(monkeypatch, COLOUR_EMOJI):
        apple, family = drawn("🍎"), drawn("👩\u200d🚀")
        assert 14 <= apple.shape[1] <= 20
        assert family.shape[1] == apple.shape[1]
        assert apple.shape[0] <= 20
        red, green, _ = apple.reshape(-1, 3).astype(int).T
        assert (red - green).max() > 100
