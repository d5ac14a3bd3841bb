"""Letters: what no font file has is spelt, and nothing is taken for a formula."""

from pathlib import Path

import pytest

from empaste.paper_figures import letters
from empaste.paper_figures.letters import FAMILY, Lettered, lettered
from empaste.report.fonts import BuiltInFont, FileFont, default_font


def test_plain_letters_stay_in_matplotlibs_own_font() -> None:
    assert lettered("$x_1$ ä כ\nb\tc") == Lettered("$x_1$ ä כ\nb c", [FAMILY])


def test_a_letter_without_a_font_file_is_its_code_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "font_of", lambda cluster: None if cluster == "🍎" else BuiltInFont())
    assert lettered("a中🍎") == Lettered("aU+4E2DU+1F34E", [FAMILY])


def test_fonts_of_the_machine_follow_matplotlibs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    font = default_font()
    assert isinstance(font, FileFont)
    other = FileFont(font.path.with_name("DejaVuSerif.ttf"))
    assert isinstance(other.path, Path)
    monkeypatch.setattr(letters, "font_of", lambda _: other)
    assert lettered("aλλ") == Lettered("aλλ", [FAMILY, "DejaVu Serif"])
