"""How good the extracted foregrounds are: against ground truth, and by what can be told without it.

For measuring only: nothing here selects anything.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from empaste.artifacts.segments import segment_rles
from empaste.artifacts.truth import IOU50, IOU75, GroundTruth, percent_found

NUM_BINS = 10

PerTable = dict[str, float | None]
"""A figure of each table (iter_0, iter_1, …, pool); None where there is nothing to measure."""


class Rates(TypedDict):
    """How well foregrounds fit the ground truth, in percent."""

    precision50: PerTable
    precision75: PerTable
    mean_iou: PerTable
    found: PerTable


class Unsupervised(TypedDict):
    """What can be told without ground truth."""

    inlier_distance: PerTable
    mean_prob: PerTable
    agreement: PerTable


class ForegroundMetrics(Rates, Unsupervised):
    """What `foreground_metrics` gives."""

    per_class: dict[str, Rates]
    confidence: dict[str, float | None]
    masks_per_class: dict[str, int]


class _Judged(NamedTuple):
    """The class and the best IoU of every row of a table, and of every instance."""

    chosen_class: np.ndarray
    of_chosen: Float[np.ndarray, " chosen"]
    instance_class: np.ndarray
    of_instances: Float[np.ndarray, " instances"]


def foreground_metrics(
    chosen: Mapping[str, pd.DataFrame], segments: pd.DataFrame, truth: GroundTruth, classes: pd.DataFrame
) -> ForegroundMetrics:
    """Figures per table of ``chosen``, rates in percent, None where there is nothing to measure.

    Against ground truth: precision50 and precision75, the share of the chosen segments with an IoU of at least 0.5 and
    0.75 with an instance of their class; mean_iou of each chosen segment with its best instance; found, the share of
    the instances with an IoU of at least 0.5 with a chosen segment of their class; per_class, these rates by name of
    the class; confidence, how well that of the ``pool`` predicts whether a segment is right at IoU 0.5 (auc, the
    chance that a right one has the higher, and ece, the expected calibration error). Crowds are left out, and so are
    images without any annotation, which nobody outlined (most of VOC's).

    Without: inlier_distance, the median distance of the inliers; mean_prob; agreement, the share of the foregrounds
    that the iteration before chose too; masks_per_class counts the ``pool``.
    """
    judged = {name: _judge(_outlined(table, truth), segments, truth) for name, table in chosen.items()}
    names = dict(zip(classes["class_id"].tolist(), classes["name"].tolist(), strict=True))
    counts = chosen["pool"]["class_id"].value_counts()
    return {
        **_rates(judged, truth),
        "per_class": {
            label: _rates({name: _of_class(one, id_) for name, one in judged.items()}, truth)
            for id_, label in names.items()
        },
        "confidence": _confidence_figures(reliability_of(chosen["pool"], segments, truth)),
        **_unsupervised(chosen),
        "masks_per_class": {label: int(counts.get(id_, 0)) for id_, label in names.items()},
    }


def reliability_of(pool: pd.DataFrame, segments: pd.DataFrame, truth: GroundTruth) -> pd.DataFrame:
    """``confidence`` of every measurable row of ``pool``, and whether it is ``right`` at IoU 0.5."""
    table = _outlined(pool, truth)
    judged = _judge(table, segments, truth)
    return pd.DataFrame({"confidence": table["confidence"].to_numpy(), "right": judged.of_chosen >= IOU50})


def reliability_curve(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Per tenth of the confidence that occurs: its mean ``confidence``, ``precision`` in percent, and their number."""
    tenths = (outcomes["confidence"].to_numpy(float) * NUM_BINS).astype(int)
    grouped = outcomes.groupby(np.minimum(tenths, NUM_BINS - 1))
    return pd.DataFrame(
        {
            "confidence": grouped["confidence"].mean().round(4),
            "precision": (100 * grouped["right"].mean()).round(2),
            "foregrounds": grouped.size(),
        }
    ).reset_index(drop=True)


def segment_ious(segments: pd.DataFrame, truth: GroundTruth, class_ids: Sequence[int]) -> pd.DataFrame:
    """``iou`` with the best instance of the class, per class and segment of the images that somebody outlined."""
    tables = [pd.DataFrame({"class_id": [0], "segment_id": [0], "iou": [0.0]}).iloc[:0]]
    for _, rows in _outlined(segments, truth).groupby("image_id"):
        rles, image_id = segment_rles(rows), int(rows["image_id"].iloc[0])
        for class_id in class_ids:
            best = truth.best_ious(rles, image_id, class_id)
            tables.append(pd.DataFrame({"class_id": class_id, "segment_id": rows["segment_id"], "iou": best}))
    return pd.concat(tables, ignore_index=True)


def best_ious(
    table: pd.DataFrame, segments: pd.DataFrame, truth: GroundTruth
) -> tuple[Float[np.ndarray, " chosen"], Float[np.ndarray, " instances"]]:
    """The best IoU of each row of ``table`` with an instance of its image and class, and of each instance with a row.

    Instances are in the order of ``truth.keys``; 0 where there is nothing to overlap with.
    """
    # An index of all segments would take several times their memory.
    named = segments[segments["segment_id"].isin(table["segment_id"])].set_index("segment_id")
    rles = segment_rles(named.loc[table["segment_id"]])
    of_chosen = np.zeros(len(table))
    of_instances = {key: np.zeros(len(truth.instances(*key))) for key in truth.keys}
    for key, at in table.groupby(["image_id", "class_id"]).indices.items():
        if key in of_instances:
            ious = truth.ious([rles[row] for row in at], *key)
            of_chosen[at] = ious.max(axis=1)
            of_instances[key] = ious.max(axis=0)
    return of_chosen, np.concatenate([*of_instances.values(), np.zeros(0)])


def _outlined(table: pd.DataFrame, truth: GroundTruth) -> pd.DataFrame:
    """The rows of images that somebody outlined."""
    return table[table["image_id"].isin(truth.outlined)].reset_index(drop=True)


def _judge(table: pd.DataFrame, segments: pd.DataFrame, truth: GroundTruth) -> _Judged:
    classes = np.repeat([class_id for _, class_id in truth.keys], [len(truth.instances(*key)) for key in truth.keys])
    of_chosen, of_instances = best_ious(table, segments, truth)
    return _Judged(table["class_id"].to_numpy(), of_chosen, classes, of_instances)


def _of_class(judged: _Judged, class_id: int) -> _Judged:
    chosen, instances = judged.chosen_class == class_id, judged.instance_class == class_id
    return _Judged(
        judged.chosen_class[chosen], judged.of_chosen[chosen], judged.instance_class[instances],
        judged.of_instances[instances],
    )  # fmt: skip


def _rates(judged: Mapping[str, _Judged], truth: GroundTruth) -> Rates:
    """The rates of every table; None where the ground truth has no instance at all."""

    def each(rate: Callable[[_Judged], float | None]) -> PerTable:
        return {name: rate(one) if truth.keys else None for name, one in judged.items()}

    return {
        "precision50": each(lambda one: percent_found(one.of_chosen, IOU50)),
        "precision75": each(lambda one: percent_found(one.of_chosen, IOU75)),
        "mean_iou": each(lambda one: _percent(one.of_chosen)),
        "found": each(lambda one: percent_found(one.of_instances, IOU50)),
    }


def _confidence_figures(outcomes: pd.DataFrame) -> dict[str, float | None]:
    """auc: ties count half. ece: the mean distance of confidence and precision over tenths, by their foregrounds."""
    right = outcomes["right"].to_numpy(bool)
    curve = reliability_curve(outcomes)
    gaps = (curve["confidence"] * 100 - curve["precision"]).abs() * curve["foregrounds"]
    return {
        "auc": _area_under_curve(outcomes["confidence"].to_numpy(float), right),
        "ece": round(float(gaps.sum() / len(outcomes)), 2) if len(outcomes) else None,
    }


def _area_under_curve(scores: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> float | None:
    """The chance in percent that a right one scores higher than a wrong one; None without any of either."""
    if right.all() or not right.any():
        return None
    ranks = pd.Series(scores).rank().to_numpy()
    num_right = int(right.sum())
    above = ranks[right].sum() - num_right * (num_right + 1) / 2
    return round(100 * float(above / (num_right * (len(right) - num_right))), 2)


def _unsupervised(chosen: Mapping[str, pd.DataFrame]) -> Unsupervised:
    iterations = [name for name in chosen if name != "pool"]
    distances = {name: chosen[name].loc[chosen[name]["inlier"], "distance"].median() for name in iterations}
    return {
        "inlier_distance": {
            name: None if np.isnan(value) else round(float(value), 4) for name, value in distances.items()
        },
        "mean_prob": {name: _percent(table["prob"].to_numpy()) for name, table in chosen.items()},
        "agreement": {
            name: _percent(chosen[name]["segment_id"].to_numpy() == chosen[before]["segment_id"].to_numpy())
            for before, name in pairwise(iterations)
        },
    }


def _percent(values: np.ndarray) -> float | None:
    return round(100 * float(np.mean(values)), 2) if values.size else None
