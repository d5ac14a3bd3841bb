"""The section ``refine``: what it refuses, and that reading it needs no torch."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.edges.settings import WalkSettings
from empaste.errors import InputError
from empaste.refinement.settings import CONTOURS, RefineSettings
from empaste.settings import load_settings, validate
from tests.refinement.scenes import TINY, tiny_settings

TOP = Path(__file__).parents[2]


def refused(**changes: Any) -> str:
    with pytest.raises(InputError) as error:
        validate(TINY | changes, RefineSettings, Path("params.yaml"), "refine")
    return str(error.value)


def test_the_shipped_section_is_valid_and_asks_for_no_round() -> None:
    assert load_settings(TOP / "params.yaml", "refine", RefineSettings).rounds == 0


@pytest.mark.parametrize(("size", "scale", "side"), [(32, 1.0, 32), (32, 2.0, 64), (96, 1.67, 160), (32, 1e-3, 1)])
def test_the_side_of_an_image_that_is_looked_at(size: int, scale: float, side: int) -> None:
    assert tiny_settings(image_size=size, scale=scale).looking_side == side


def test_the_contours_that_errors_name_are_a_parameter() -> None:
    assert CONTOURS.removeprefix("refine.") in RefineSettings.model_fields


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": -1}, "refine.rounds is -1"),
        ({"folds": 0}, "refine.folds is 0"),
        ({"architecture": "vit_b_16"}, "refine.architecture is 'vit_b_16'"),
        ({"width": 12}, "refine.width is 12"),
        ({"image_size": 16}, "refine.image_size is 16"),
        ({"image_size": 100}, "refine.image_size is 100"),
        ({"iterations": 0}, "refine.iterations is 0"),
        ({"batch_size": 0}, "refine.batch_size is 0"),
        ({"learning_rate": 0.0}, "refine.learning_rate is 0.0"),
        ({"backbone_rate": -0.1}, "refine.backbone_rate is -0.1"),
        ({"jitter": [1.0]}, "refine.jitter is [1.0]"),
        ({"jitter": [1.25, 0.75]}, "refine.jitter is [1.25, 0.75]; a range rises: write [0.75, 1.25]"),
        ({"scale": 0.0}, "refine.scale is 0.0"),
        ({"walk": TINY["walk"] | {"side": 8}}, "refine.walk.side is 8"),
        ({"walk": TINY["walk"] | {"prior_weight": 0.0}}, "refine.walk.prior_weight is 0.0"),
        ({"walk": TINY["walk"] | {"color_weight": 1.0}}, "no such parameter; did you mean colour_weight?"),
        ({"threshold": 1.0}, "refine.threshold is 1.0"),
        ({"told_apart": "few"}, "refine.told_apart is 'few'; choose from 'shown', 'all'"),
        ({"unseen": "guess"}, "refine.unseen is 'guess'; choose from 'drop', 'keep'"),
        ({"void_threshold": 0.0}, "refine.void_threshold is 0.0"),
        ({"void_threshold": 1.1}, "refine.void_threshold is 1.1"),
        ({"min_area": 1.5}, "refine.min_area is 1.5"),
        ({"max_instances": 0}, "refine.max_instances is 0"),
        ({"device": "gpu"}, "refine.device is 'gpu'; choose from 'auto', 'cpu', 'cuda', 'mps'"),
        (
            {"image_size": 32, "batch_size": 1},
            "refine.batch_size is 1 with an image_size of 32, of which batch normalisation may see a single cell; "
            "set batch_size to 2 or more, or image_size to 64 or more",
        ),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, Any], message: str) -> None:
    assert message in refused(**changes)


def test_every_part_of_the_walk_is_declared() -> None:
    assert set(TINY["walk"]) == set(WalkSettings.model_fields)


def test_the_documented_section_and_the_model_have_the_same_order() -> None:
    section = yaml.safe_load((TOP / "params.yaml").read_text())["refine"]
    assert list(section) == list(RefineSettings.model_fields)


def test_reading_the_settings_imports_no_torch() -> None:
    code = "import sys, empaste.refinement.settings; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP / "src", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
