"""The choices that ``params.yaml`` allows are those that there are."""

from typing import get_args

from empaste.evaluation import PROTOCOLS
from empaste.evaluation.settings import EvaluateSettings


def test_protocols_are_the_registered_ones() -> None:
    assert sorted(get_args(EvaluateSettings.model_fields["protocol"].annotation)) == sorted(PROTOCOLS)
