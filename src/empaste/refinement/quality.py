"""How good the foregrounds of every round are, against ground truth where there is one; nothing is chosen by it."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.truth import IOU50, IOU75, GroundTruth, percent_found
from empaste.overlaps import best_ious
from empaste.refinement.rounds import Instance, Round
from empaste.rle import RLE

PerRound = dict[str, float | None]


class RefineMetrics(TypedDict):
    """Figures per round: ``round_1``, …; rates in percent, None where there is nothing to measure."""

    precision50: PerRound
    precision75: PerRound
    mean_iou: PerRound
    found: PerRound
    instances: dict[str, int]
    empty: dict[str, int]
    kept: dict[str, int]
    instances_per_class: dict[str, int]


def refine_metrics(rounds: Sequence[Round], truth: GroundTruth, classes: pd.DataFrame) -> RefineMetrics:
    """The figures of all ``rounds``; ``instances_per_class`` counts the last one's, by name of the class.

    precision50 and precision75 are the shares of the instances with an IoU of at least 0.5 and 0.75 with one of their
    class, found the share of the true instances that one of their class meets at 0.5; images that nobody outlined are
    left out. ``empty`` and ``kept`` are counted as `Round` explains.
    """
    named = {f"round_{number}": one for number, one in enumerate(rounds, start=1)}
    fits = {name: _fit(one["instances"], truth) for name, one in named.items()}
    last = [one["class_id"] for one in rounds[-1]["instances"]] if rounds else []
    return {
        "precision50": {name: percent_found(drawn, IOU50) for name, (drawn, _) in fits.items()},
        "precision75": {name: percent_found(drawn, IOU75) for name, (drawn, _) in fits.items()},
        "mean_iou": {
            name: round(100 * float(drawn.mean()), 2) if drawn.size else None for name, (drawn, _) in fits.items()
        },
        "found": {name: percent_found(true, IOU50) for name, (_, true) in fits.items()},
        "instances": {name: len(one["instances"]) for name, one in named.items()},
        "empty": {name: len(one["empty"]) for name, one in named.items()},
        "kept": {name: len(one["kept"]) for name, one in named.items()},
        "instances_per_class": {
            name: last.count(class_id) for class_id, name in zip(classes["class_id"], classes["name"], strict=True)
        },
    }


def _fit(
    instances: Sequence[Instance], truth: GroundTruth
) -> tuple[Float[np.ndarray, " drawn"], Float[np.ndarray, " true"]]:
    """The best IoU of every instance in an outlined image with a true one of its class, and of every true one."""
    drawn = _by_key(instances, set(truth.outlined))
    of_drawn = [truth.best_ious(masks, *key) for key, masks in drawn.items()]
    of_true = [best_ious(truth.masks(*key), drawn.get(key, [])) for key in truth.keys]
    return np.concatenate([*of_drawn, np.zeros(0)]), np.concatenate([*of_true, np.zeros(0)])


def _by_key(instances: Sequence[Instance], images: set[int]) -> Mapping[tuple[int, int], list[RLE]]:
    found: dict[tuple[int, int], list[RLE]] = {}
    for one in instances:
        if one["image_id"] in images:
            found.setdefault((one["image_id"], one["class_id"]), []).append(one["segmentation"])
    return found
