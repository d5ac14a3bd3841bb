"""The choices that ``params.yaml`` allows are the methods that there are."""

from typing import get_args

import pytest

from empaste.paste import BLENDINGS, MIXED, PLACEMENTS, SELECTIONS
from empaste.paste.settings import Blending as BlendingName
from empaste.paste.settings import PasteSettings
from empaste.paste.sources import SOURCES
from tests.paste.scenes import changed


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("selection", [*SELECTIONS]),
        ("placement", [*PLACEMENTS, MIXED]),
        ("foregrounds", [*SOURCES]),
    ],
)
def test_choices_are_the_registered_methods(field: str, names: list[str]) -> None:
    assert sorted(get_args(PasteSettings.model_fields[field].annotation)) == sorted(names)


def test_blendings_are_the_registered_ones() -> None:
    assert get_args(BlendingName) == tuple(BLENDINGS)


def test_a_number_is_a_range_of_itself() -> None:
    assert changed(n_p=3).n_p_range == (3, 3)
    assert changed(n_p=[1, 4]).n_p_range == (1, 4)
