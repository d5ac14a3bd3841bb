"""Which figures a study can show, and how they are read."""

import pytest

from empaste.artifacts.coco import coco_dataset
from empaste.artifacts.metrics import flatten
from empaste.evaluation import evaluate_detections
from empaste.foregrounds.quality import Rates
from empaste.refinement.quality import RefineMetrics
from empaste.studies.metrics import KNOWN, figure, figures_by_class

METRICS = {"evaluate": {"mask": {"AP50": 3, "AP50_per_class": {"a.b": 1.5, "c": 0.0}}}}


def test_what_is_known_of_the_evaluation_is_what_it_measures() -> None:
    import pandas as pd

    from empaste.artifacts.schemas.prepare import Images

    images = pd.DataFrame(columns=list(Images.to_schema().columns))
    classes = pd.DataFrame({"class_id": [1], "name": ["cat"], "supercategory": ["animal"]})
    measured = evaluate_detections(coco_dataset(images, classes, [], "test"), []).metrics
    assert set(KNOWN["evaluate"]) == {name.removesuffix(".cat") for name in flatten(measured)}


def test_what_is_known_of_foregrounds_is_what_is_measured() -> None:
    assert {name.partition(".")[0] for name in KNOWN["foregrounds"]} == Rates.__annotations__.keys()


def test_what_is_known_of_the_refinement_is_measured_by_round() -> None:
    rates = {name.partition(".")[0] for name in KNOWN["refine"]}
    assert rates == Rates.__annotations__.keys() & RefineMetrics.__annotations__.keys()
    assert {name.partition(".")[2] for name in KNOWN["refine"]} == {f"round_{number}" for number in range(1, 10)}


@pytest.mark.parametrize(
    ("key", "value"), [("evaluate.mask.AP50", 3.0), ("evaluate.mask.AP75", None), ("evaluate.mask", None)]
)
def test_a_figure_that_is_not_defined_is_none(key: str, value: float | None) -> None:
    assert figure(METRICS, key) == value


def test_classes_may_have_dots_in_their_names() -> None:
    assert figures_by_class(METRICS, "evaluate.mask.AP50_per_class") == {"a.b": 1.5, "c": 0.0}
    assert figures_by_class(METRICS, "evaluate.box.AP50_per_class") == {}
