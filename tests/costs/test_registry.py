"""The stages that are reckoned with are those of the pipeline."""

import yaml

from empaste.costs.stages import STAGES
from tests.costs.shipped import TOP


def test_stages_are_the_pipelines_in_its_order() -> None:
    assert list(STAGES) == list(yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"])
