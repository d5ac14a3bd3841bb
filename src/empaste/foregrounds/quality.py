"""How good the extracted foregrounds are, against ground truth. For measuring only: nothing here selects anything."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.coco import Coco
from empaste.artifacts.segments import segment_rles
from empaste.masks import RLE, mask_ious

Instances = dict[tuple[int, int], list[RLE]]


def foreground_metrics(
    chosen: Mapping[str, pd.DataFrame], segments: pd.DataFrame, ground_truth: Coco, classes: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """precision50, mean_iou and found, in percent, per table of ``chosen``; masks_per_class counts its ``pool``.

    precision50: share of the chosen segments with an IoU of at least 0.5 with an instance of their class; mean_iou: of
    each chosen segment with its best instance; found: share of the instances with an IoU of at least 0.5 with a chosen
    segment of their class. Crowds are left out, and so are images without any annotation, which nobody outlined (most
    of VOC's). None where there is nothing to measure.
    """
    instances = _instances(ground_truth)
    outlined = {annotation["image_id"] for annotation in ground_truth["annotations"]}
    measurable = {
        name: table[table["image_id"].isin(outlined)].reset_index(drop=True) for name, table in chosen.items()
    }
    figures = {name: _measure(table, segments, instances) for name, table in measurable.items()}
    counts = chosen["pool"]["class_id"].value_counts()
    return {
        key: {name: measured[key] for name, measured in figures.items()} for key in ("precision50", "mean_iou", "found")
    } | {
        "masks_per_class": {
            name: int(counts.get(class_id, 0))
            for class_id, name in zip(classes["class_id"], classes["name"], strict=True)
        }
    }


def best_ious(
    table: pd.DataFrame, segments: pd.DataFrame, instances: Instances
) -> tuple[Float[np.ndarray, " chosen"], Float[np.ndarray, " instances"]]:
    """The best IoU of each row of ``table`` with an instance of its image and class, and of each instance with a row.

    Instances are in the order of ``instances``; 0 where there is nothing to overlap with.
    """
    encoded = segments.set_index("segment_id")
    of_chosen = np.zeros(len(table))
    of_instances = {key: np.zeros(len(found)) for key, found in instances.items()}
    for key, at in table.groupby(["image_id", "class_id"]).indices.items():
        if key in instances:
            rows = encoded.loc[table["segment_id"].iloc[at]]
            ious = mask_ious(segment_rles(rows), instances[key])
            of_chosen[at] = ious.max(axis=1)
            of_instances[key] = ious.max(axis=0)
    return of_chosen, np.concatenate([*of_instances.values(), np.zeros(0)])


def _measure(table: pd.DataFrame, segments: pd.DataFrame, instances: Instances) -> dict[str, float | None]:
    if not instances:
        return {"precision50": None, "mean_iou": None, "found": None}
    of_chosen, of_instances = best_ious(table, segments, instances)
    return {
        "precision50": _percent(of_chosen >= 0.5),
        "mean_iou": _percent(of_chosen),
        "found": _percent(of_instances >= 0.5),
    }


def _instances(ground_truth: Coco) -> Instances:
    instances: defaultdict[tuple[int, int], list[RLE]] = defaultdict(list)
    for annotation in ground_truth["annotations"]:
        if not annotation.get("iscrowd", 0):
            instances[annotation["image_id"], annotation["category_id"]].append(annotation["segmentation"])
    return dict(instances)


def _percent(values: np.ndarray) -> float | None:
    return round(100 * float(np.mean(values)), 2) if values.size else None
