"""Names where people read them: isolated, cut without becoming alike."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from empaste.report.names import clusters, isolated, shortened


def test_names_from_right_to_left_keep_their_order_to_themselves() -> None:
    assert [isolated(name) for name in ("dog", "中文", "🍎", "हिन्दी", "(1)")] == ["dog", "中文", "🍎", "हिन्दी", "(1)"]
    assert [isolated(name) for name in ("كرة", "a כדור")] == ["\u2068كرة\u2069", "\u2068a כדור\u2069"]


def test_letters_keep_their_marks_and_joined_ones_stay_together() -> None:
    assert list(clusters("हिन्दी")) == ["हि", "न्", "दी"]
    assert list(clusters("a👩\u200d🚀👍🏽é")) == ["a", "👩\u200d🚀", "👍🏽", "é"]
    assert list(clusters("")) == []


def test_long_names_lose_their_middle_and_stay_apart() -> None:
    names = ["f" * 60, "f" * 59 + "g", "f" * 30 + "x" + "f" * 29, "short", "中文" * 20]
    shown = shortened(names, 14)
    assert shown["f" * 60] == "fffffff…ffffff"
    assert shown["f" * 59 + "g"] == "fffffff…fffffg"
    assert shown["f" * 30 + "x" + "f" * 29] == "ffffff…fffff~2"
    assert shown["short"] == "short"
    assert shown["中文" * 20] == "中文中…文中文"


@given(st.lists(st.text(alphabet="ab中~23…🍎", min_size=1, max_size=30), max_size=40), st.integers(8, 20))
def test_no_two_names_are_shown_alike(names: list[str], room: int) -> None:
    shown = shortened(names, room)
    assert set(shown) == set(names)
    assert len(set(shown.values())) == len(shown)
    assert all(cell_len(text) <= room for text in shown.values())
    assert all(shown[name] == name for name in names if cell_len(name) <= room)
