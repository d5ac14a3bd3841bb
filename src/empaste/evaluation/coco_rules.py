"""Mask and box average precision and recall by COCO's rules, and the precision-recall curves behind them.

Computed by faster-coco-eval, which gives the figures of pycocotools (a test holds them together) in a fraction of the
time. Rules: 101 recall points, IoU 0.50:0.05:0.95, at most 100 detections per image, crowd regions ignored, and in
mask AP instances that have a box alone; small, medium and large split at 32² and 96² pixels of an instance's area.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from empaste.artifacts.coco_records import Coco, Detection
from empaste.artifacts.truth import COCO_IOUS, IOU50, IOU75, mask_truth
from empaste.evaluation.results import CurvePoint, Evaluation, Metrics, class_names, percent

COCO_KINDS = {"mask": "segm", "box": "bbox"}
AT50, AT75 = COCO_IOUS.index(IOU50), COCO_IOUS.index(IOU75)
ALL, SMALL, MEDIUM, LARGE = range(4)
"""Places of the ranges of area."""


class _Accumulated(NamedTuple):
    """COCO's arrays, -1 where undefined: IoU thresholds, recall points, classes, areas, detections per image."""

    precision: Float[np.ndarray, "t r k a m"]
    recall: Float[np.ndarray, "t k a m"]


def evaluate(ground_truth: Coco, detections: Sequence[Detection]) -> Evaluation:
    """Beside what every protocol gives: ``APs``, ``APm``, ``APl``; ``AR1``, ``AR10``, ``AR100`` (mean recall over
    the IoU thresholds with so many detections per image) and ``AR100_per_class``.
    """
    names = class_names(ground_truth)
    found = {kind: _accumulate(ground_truth, detections, coco_kind) for kind, coco_kind in COCO_KINDS.items()}
    return Evaluation({kind: _metrics(one, names) for kind, one in found.items()}, _curves(found["mask"], names))


def _accumulate(ground_truth: Coco, detections: Sequence[Detection], coco_kind: str) -> _Accumulated:
    from faster_coco_eval import COCO, COCOeval_faster

    judged = mask_truth(ground_truth) if coco_kind == "segm" else ground_truth
    truth = COCO(dict(judged), use_deepcopy=True)
    results = truth.loadRes([_result(detection, coco_kind) for detection in detections])
    evaluation = COCOeval_faster(truth, results, coco_kind)
    evaluation.evaluate()
    evaluation.accumulate()
    return _Accumulated(np.asarray(evaluation.eval["precision"]), np.asarray(evaluation.eval["recall"]))


def _result(detection: Detection, coco_kind: str) -> dict[str, object]:
    """``detection`` with one of mask and box: given both, COCO tools take the box's area for the mask's."""
    dropped = "bbox" if coco_kind == "segm" else "segmentation"
    return {key: value for key, value in detection.items() if key != dropped}


def _metrics(found: _Accumulated, names: Sequence[str]) -> Metrics:
    precision, recall = found.precision[..., -1], found.recall[:, :, ALL]
    return {
        "AP": percent(precision[..., ALL]),
        "AP50": percent(precision[AT50, ..., ALL]),
        "AP75": percent(precision[AT75, ..., ALL]),
        "APs": percent(precision[..., SMALL]),
        "APm": percent(precision[..., MEDIUM]),
        "APl": percent(precision[..., LARGE]),
        **{f"AR{num}": percent(recall[..., place]) for place, num in enumerate((1, 10, 100))},
        "AP_per_class": {name: percent(precision[:, :, k, ALL]) for k, name in enumerate(names)},
        "AP50_per_class": {name: percent(precision[AT50, :, k, ALL]) for k, name in enumerate(names)},
        "AP75_per_class": {name: percent(precision[AT75, :, k, ALL]) for k, name in enumerate(names)},
        "AR100_per_class": {name: percent(recall[:, k, -1]) for k, name in enumerate(names)},
    }


def _curves(found: _Accumulated, names: Sequence[str]) -> list[CurvePoint]:
    """Classes with instances, each at COCO's 101 recall points."""
    precision = found.precision[AT50, :, :, ALL, -1]
    recalls = np.linspace(0, 1, len(precision))
    return [
        CurvePoint(name, round(float(recall), 2), float(value))
        for name, values in zip(names, precision.T, strict=True)
        if values[0] > -1
        for recall, value in zip(recalls, values, strict=True)
    ]
