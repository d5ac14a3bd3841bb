"""Average precision of detections, by the rules of COCO or of VOC.

A new protocol is one new file with a function like `coco_rules.evaluate` and one line in `PROTOCOLS`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from empaste.artifacts.coco import Coco
from empaste.errors import InputError
from empaste.evaluation import coco_rules, voc_rules
from empaste.evaluation.results import Evaluation

PROTOCOLS: dict[str, Callable[[Coco, Sequence[Mapping[str, Any]]], Evaluation]] = {
    "coco": coco_rules.evaluate,
    "voc": voc_rules.evaluate,
}


def evaluate_detections(
    ground_truth: Coco, detections: Sequence[Mapping[str, Any]], protocol: str = "coco"
) -> Evaluation:
    """Mask and box AP of ``detections`` (COCO results with mask and box) against ``ground_truth``.

    A figure that no instance defines (a class without instances, no small instance, no ground truth at all) is None,
    never -1 or NaN, and is left out of the means. Without detections what is defined is 0. `InputError` where a
    detection names an image or a class that the ground truth does not have.
    """
    for key, of in (("image_id", "images"), ("category_id", "categories")):
        known = {row["id"] for row in ground_truth[of]}
        unknown = sorted({detection[key] for detection in detections} - known)
        if unknown:
            raise InputError(
                f"the detections have {key} {unknown[0]} ({len(unknown)} such), which the ground truth's {of} lack; "
                "run: dvc repro evaluate"
            )
    return PROTOCOLS[protocol](ground_truth, detections)
