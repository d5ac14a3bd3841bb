"""Names in MLflow are valid, one to one, and ordinary ones stay as they are."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.tracking.names import mlflow_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("evaluate.mask.AP50_per_class.traffic light", "evaluate.mask.AP50_per_class.traffic light"),
        ("a.b-c_d: tv_unit_u", "a.b-c_d: tv_unit_u"),
        ("curves/train.loss", "curves/train.loss"),
        ("x.中文", "x.中文"),
        ("C+", "C_u2B_"),
        ("C_u2B_", "C_u5F_u2B_"),
        ("a/../b", "a_u2F_.._u2F_b"),
        ("..", "_u2E_."),
        ("curves/.", "curves/_u2E_"),
        ("1 headline/1 mask AP50", "1 headline/1 mask AP50"),
        (" a ", "_u20_a_u20_"),
        ("", "_u_"),
        ("x" * 249, "x" * 249),
    ],
)
def test_ordinary_names_stay_and_others_are_spelt(name: str, shown: str) -> None:
    assert mlflow_name(name) == shown


NAMES = st.text() | st.text(alphabet="_uAB2./ +:curves\n") | st.text(alphabet="ab/ ", min_size=240)


@settings(max_examples=500, deadline=None)
@given(st.sets(NAMES, min_size=2, max_size=8), st.sampled_from(["", "curves/", "evaluate.mask.AP50_per_class."]))
def test_names_in_mlflow_are_valid_and_one_to_one(names: set[str], before: str) -> None:
    from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric_name, _validate_param_name

    shown = {mlflow_name(f"{before}{name}") for name in names}
    assert len(shown) == len(names)
    for name in shown:
        _validate_metric_name(name)
        _validate_param_name(name)
        assert len(name) <= MAX_ENTITY_KEY_LENGTH


@settings(max_examples=300, deadline=None)
@given(NAMES.filter(lambda name: name and not name.startswith(("curves/", "1 headline/"))))
def test_short_names_can_be_read_back_from_mlflows(name: str) -> None:
    shown = mlflow_name(name)
    if len(shown) < 250:
        assert re.sub("_u([0-9A-F]+)_", lambda found: chr(int(found[1], 16)), shown) == name
