"""What an evaluation gives, whatever its protocol."""

from typing import Any, NamedTuple

import numpy as np

from empaste.artifacts.coco_records import Coco

KINDS = ("mask", "box")
"""What is compared."""

Metrics = dict[str, Any]


class CurvePoint(NamedTuple):
    """One point of a class's precision-recall curve at mask IoU 0.5; the last two in [0, 1]."""

    class_name: str
    recall: float
    precision: float


class Evaluation(NamedTuple):
    """``metrics``: kind -> figures in percent, over all classes and per class; ``curves``: of the masks.

    Both protocols give ``AP`` (mean over IoU 0.50:0.05:0.95), ``AP50``, ``AP75`` and their per-class forms
    (``AP50_per_class``: name -> figure); what else there is, the protocol says.
    """

    metrics: dict[str, Metrics]
    curves: list[CurvePoint]


def class_names(ground_truth: Coco) -> list[str]:
    """The names of the classes in the order of their ids."""
    return [category["name"] for category in sorted(ground_truth["categories"], key=lambda category: category["id"])]


def percent(values: np.ndarray) -> float | None:
    """The mean of what is defined (not negative, not NaN), in percent; None where nothing is."""
    defined = values[values >= 0]
    return 100 * float(defined.mean()) if defined.size else None


def missing_ap(metrics: dict[str, Metrics]) -> str | None:
    """What a ground truth without AP of boxes, or of masks, holds, and what that means; None where there are both."""
    if metrics["box"]["AP"] is None:
        return "no instance: the detections are written, but there is no AP"
    if metrics["mask"]["AP"] is None:
        return "boxes alone: box AP is measured, mask AP is not"
    return None
