"""Average precision of detections, by the rules of COCO or of VOC.

A new protocol is one new file with a function like `coco_rules.evaluate` and one line in `PROTOCOLS`.
"""

from collections.abc import Callable, Iterable, Sequence

from empaste.artifacts.coco_records import Coco, Detection
from empaste.errors import InputError
from empaste.evaluation import coco_rules, voc_rules
from empaste.evaluation.results import Evaluation

PROTOCOLS: dict[str, Callable[[Coco, Sequence[Detection]], Evaluation]] = {
    "coco": coco_rules.evaluate,
    "voc": voc_rules.evaluate,
}


def evaluate_detections(ground_truth: Coco, detections: Sequence[Detection], protocol: str = "coco") -> Evaluation:
    """Mask and box AP of ``detections`` (COCO results with mask and box) against ``ground_truth``.

    A figure that no instance defines (a class without instances, no small instance, no ground truth at all) is None,
    never -1 or NaN, and is left out of the means. Without detections what is defined is 0. `InputError` where a
    detection names an image or a class that the ground truth does not have.
    """
    images, classes = ({row["id"] for row in rows} for rows in (ground_truth["images"], ground_truth["categories"]))
    _require_known("image_id", (row["image_id"] for row in detections), "images", images)
    _require_known("category_id", (row["category_id"] for row in detections), "categories", classes)
    return PROTOCOLS[protocol](ground_truth, detections)


def _require_known(key: str, found: Iterable[int], of: str, known: set[int]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise InputError(
            f"the detections have {key} {unknown[0]} ({len(unknown)} such), which the ground truth's {of} lack; "
            "run: dvc repro evaluate"
        )
