"""Names of exported images: safe, apart from each other, and unchanged where they may be."""

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.exporting.naming import export_names

LONG = "ä" * 200 + ".jpg"


@pytest.mark.parametrize(
    ("names", "flat", "by_stem", "expected"),
    [
        (["a.jpg", "d/a.jpg"], False, False, ["a.jpg", "d/a.jpg"]),
        (["d/a.jpg", "d__a.jpg"], True, False, ["d__a-2.jpg", "d__a.jpg"]),
        (["a.png", "a.jpg", "A.gif", "a-2.jpg"], False, True, ["a.png", "a-3.jpg", "A-4.gif", "a-2.jpg"]),
        (["a.png", "a.jpg", "A.PNG"], False, False, ["a.png", "a.jpg", "A-2.PNG"]),
        (["../../x:y?.jpg", "/x_y_.jpg"], False, False, ["x_y_.jpg", "x_y_-2.jpg"]),
        ([".hidden.jpg", "c\\d\n.jpg", ".."], False, False, ["hidden.jpg", "c/d_.jpg", "_"]),
        ([os.fsdecode(b"na\xefve.png")], False, False, ["na_ve.png"]),
        (["x.jpg/y.png", "X.jpg"], False, False, ["x.jpg/y.png", "X-2.jpg"]),
        ([LONG], False, False, ["ä" * 123 + ".jpg"]),
    ],
)
def test_names(names: list[str], flat: bool, by_stem: bool, expected: list[str]) -> None:
    assert export_names(names, flat=flat, by_stem=by_stem) == expected


@given(st.lists(st.text(st.sampled_from("aA./\\:é\ud800-2"), max_size=6), max_size=8), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_two_names_are_alike_and_none_leads_elsewhere(names: list[str], flat: bool, by_stem: bool) -> None:
    found = export_names(names, flat=flat, by_stem=by_stem)
    keys = [(PurePosixPath(name).with_suffix("").as_posix() if by_stem else name).casefold() for name in found]
    assert len(set(keys)) == len(names)
    for name in found:
        assert name.encode()
        assert not name.startswith("/")
        assert not {"", ".", ".."} & set(name.split("/"))
        assert not (flat and "/" in name)
