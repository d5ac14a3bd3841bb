"""Mask and box average precision by COCO's rules, and the precision-recall curves behind them.

Computed by faster-coco-eval, which gives the figures of pycocotools (a test holds them together) in a fraction of the
time. Rules: 101 recall points, IoU 0.50:0.05:0.95, at most 100 detections per image, crowd regions ignored; small,
medium and large split at 32² and 96² pixels of an instance's area.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from empaste.artifacts.coco import Coco
from empaste.errors import InputError

KINDS = {"mask": "segm", "box": "bbox"}
"""What is compared: our name, COCO's."""

Metrics = dict[str, Any]


class CurvePoint(NamedTuple):
    """One point of a class's precision-recall curve at mask IoU 0.5; the last two in [0, 1]."""

    class_name: str
    recall: float
    precision: float


class Evaluation(NamedTuple):
    """``metrics``: kind -> AP, AP50, AP75, APs, APm, APl and those of IoU 0.5 and 0.75 per class, in percent;
    ``curves``: of the masks."""

    metrics: dict[str, Metrics]
    curves: list[CurvePoint]


def evaluate_detections(ground_truth: Coco, detections: Sequence[Mapping[str, Any]]) -> Evaluation:
    """Mask and box AP of ``detections`` (COCO results with mask and box) against ``ground_truth``.

    A figure that no instance defines (a class without instances, no small instance, no ground truth at all) is None,
    never -1 or NaN, and is left out of the means. Without detections what is defined is 0. `InputError` where a
    detection names an image or a class that the ground truth does not have.
    """
    _check_known(ground_truth, detections)
    names = [category["name"] for category in sorted(ground_truth["categories"], key=lambda category: category["id"])]
    precisions = {kind: _precisions(ground_truth, detections, coco_kind) for kind, coco_kind in KINDS.items()}
    metrics = {kind: _metrics(precision, names) for kind, precision in precisions.items()}
    return Evaluation(metrics, _curves(precisions["mask"], names))


def _check_known(ground_truth: Coco, detections: Sequence[Mapping[str, Any]]) -> None:
    for key, of in (("image_id", "images"), ("category_id", "categories")):
        known = {row["id"] for row in ground_truth[of]}
        unknown = sorted({detection[key] for detection in detections} - known)
        if unknown:
            raise InputError(
                f"the detections have {key} {unknown[0]} ({len(unknown)} such), which the ground truth's {of} lack; "
                "run: dvc repro evaluate"
            )


def _precisions(ground_truth: Coco, detections: Sequence[Mapping[str, Any]], coco_kind: str) -> np.ndarray:
    """COCO's precision array (IoU threshold, recall point, class, area range); -1 where undefined."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth = COCO(dict(ground_truth), use_deepcopy=True)
    results = truth.loadRes([_result(detection, coco_kind) for detection in detections])
    evaluation = COCOeval_faster(truth, results, coco_kind)
    evaluation.evaluate()
    evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"])[..., -1]


def _result(detection: Mapping[str, Any], coco_kind: str) -> dict[str, Any]:
    """``detection`` with one of mask and box: given both, COCO tools take the box's area for the mask's."""
    dropped = "bbox" if coco_kind == "segm" else "segmentation"
    return {key: value for key, value in detection.items() if key != dropped}


def _metrics(precision: np.ndarray, names: Sequence[str]) -> Metrics:
    iou50, iou75, (any_area, small, medium, large) = 0, 5, range(4)
    return {
        "AP": _percent(precision[:, :, :, any_area]),
        "AP50": _percent(precision[iou50, :, :, any_area]),
        "AP75": _percent(precision[iou75, :, :, any_area]),
        "APs": _percent(precision[:, :, :, small]),
        "APm": _percent(precision[:, :, :, medium]),
        "APl": _percent(precision[:, :, :, large]),
        "AP50_per_class": {name: _percent(precision[iou50, :, k, any_area]) for k, name in enumerate(names)},
        "AP75_per_class": {name: _percent(precision[iou75, :, k, any_area]) for k, name in enumerate(names)},
    }


def _percent(precision: np.ndarray) -> float | None:
    """The mean of what is defined, in percent; None where nothing is."""
    defined = precision[precision > -1]
    return 100 * float(defined.mean()) if defined.size else None


def _curves(precision: np.ndarray, names: Sequence[str]) -> list[CurvePoint]:
    """Classes with instances, each at COCO's 101 recall points."""
    recalls = np.linspace(0, 1, precision.shape[1])
    defined = [(k, name) for k, name in enumerate(names) if precision[0, 0, k, 0] > -1]
    return [
        CurvePoint(name, round(float(recall), 2), float(value))
        for k, name in defined
        for recall, value in zip(recalls, precision[0, :, k, 0], strict=True)
    ]
