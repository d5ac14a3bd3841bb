"""The choices that ``params.yaml`` allows are those that there are."""

from pathlib import Path
from typing import get_args

import pytest
import yaml

from empaste.errors import InputError
from empaste.evaluation import PROTOCOLS
from empaste.evaluation.settings import EvaluateSettings
from empaste.settings import load_settings

SHIPPED = Path(__file__).parents[2] / "params.yaml"


def test_protocols_are_the_registered_ones() -> None:
    assert sorted(get_args(EvaluateSettings.model_fields["protocol"].annotation)) == sorted(PROTOCOLS)


@pytest.mark.parametrize("weight", [-0.1, 1, 2.5])
def test_a_weight_that_leaves_the_detector_no_say_is_refused(tmp_path: Path, weight: float) -> None:
    params = yaml.safe_load(SHIPPED.read_text())
    params["evaluate"]["classifier_weight"] = weight
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(InputError, match=r"evaluate\.classifier_weight"):
        load_settings(tmp_path / "params.yaml", "evaluate", EvaluateSettings)
