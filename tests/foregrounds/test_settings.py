"""What ``params.yaml`` may name is what there is."""

from collections.abc import Iterable
from typing import get_args

import pytest

from empaste.foregrounds.covariances import COVARIANCES
from empaste.foregrounds.distances import DISTANCES
from empaste.foregrounds.initial import INITIAL
from empaste.foregrounds.settings import ForegroundsSettings


@pytest.mark.parametrize(
    ("parameter", "registry"), [("initial", INITIAL), ("distance", DISTANCES), ("covariance", COVARIANCES)]
)
def test_every_name_is_a_record_in_the_same_order(parameter: str, registry: Iterable[str]) -> None:
    assert get_args(ForegroundsSettings.model_fields[parameter].annotation) == tuple(registry)
