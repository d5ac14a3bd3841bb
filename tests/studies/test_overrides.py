"""Overrides by dotted key, applied and in DVC's form."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.presets import override
from empaste.studies.overrides import TAGS, parameter_keys, require_parameters, set_param, value_of

PARAMS: dict[str, Any] = {
    "paste": {"n_p": 3, "scale": [0.3, 1.0]},
    "api": {"options": {}},
    "report": {"tags": {"a": 1}},
}


def test_parameters_are_leaves_empty_mappings_and_the_tags() -> None:
    assert parameter_keys(PARAMS) == ["paste.n_p", "paste.scale", "api.options", TAGS]


def test_an_override_leaves_the_original_alone() -> None:
    changed = override(PARAMS, {"paste.n_p": 6, TAGS: {"row": "x"}})
    assert value_of(changed, "paste.n_p") == 6
    assert value_of(changed, TAGS) == {"row": "x"}
    assert value_of(PARAMS, "paste.n_p") == 3


@pytest.mark.parametrize(
    ("key", "said"),
    [("paste.np", "x: paste.np is no parameter; did you mean paste.n_p?"), ("q", "x: q is no parameter; choose from")],
)
def test_an_unknown_key_is_refused(key: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        require_parameters(["paste.scale", key], PARAMS, "x")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (3, "3"),
        (1e-05, "1e-05"),
        (True, "true"),
        (None, "null"),
        ([1, [0.5, "a b"]], "[1,[0.5,'a b']]"),
        ("it's", r"'it\'s'"),
    ],
)
def test_values_in_dvcs_form(value: Any, word: str) -> None:
    assert set_param("a.b", value) == f"a.b={word}"


def test_tags_are_new_keys_for_dvc() -> None:
    assert set_param(TAGS, {"study": "s", "seed": 0}) == "++report.tags={study:'s',seed:0}"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


@given(
    st.one_of(TEXTS, st.lists(TEXTS), st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
)
def test_hydra_whose_grammar_it_is_reads_the_same_value(value: Any) -> None:
    parsed: Any = OverridesParser.create().parse_override(set_param("a.b", value))
    read: Any = parsed.value()
    assert [str(one) for one in read] == value if isinstance(value, list) else type(value)(read) == value
