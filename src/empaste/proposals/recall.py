"""How many ground-truth instances have a segment that fits: the upper bound of what can be selected. For measuring."""

from collections import defaultdict

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.coco import Coco
from empaste.artifacts.segments import segment_rles
from empaste.masks import RLE, mask_ious


def proposal_metrics(segments: pd.DataFrame, ground_truth: Coco, num_images: int) -> dict[str, float | None]:
    """recall50 and recall70 in percent of the instances (None where there are none), and segments per image."""
    ious = best_ious(segments, ground_truth)
    return {
        "recall50": round(100 * float(np.mean(ious >= 0.5)), 2) if ious.size else None,
        "recall70": round(100 * float(np.mean(ious >= 0.7)), 2) if ious.size else None,
        "segments_per_image": round(len(segments) / num_images, 2),
    }


def best_ious(segments: pd.DataFrame, ground_truth: Coco) -> Float[np.ndarray, " instances"]:
    """The best IoU that any segment of its image has with each instance; 0 without segments; crowds are left out."""
    proposed = {image_id: segment_rles(rows) for image_id, rows in segments.groupby("image_id")}
    instances: defaultdict[int, list[RLE]] = defaultdict(list)
    for annotation in ground_truth["annotations"]:
        if not annotation.get("iscrowd", 0):
            instances[annotation["image_id"]].append(annotation["segmentation"])
    best = [_best(found, proposed.get(image_id, [])) for image_id, found in instances.items()]
    return np.concatenate(best) if best else np.zeros(0)


def _best(instances: list[RLE], proposed: list[RLE]) -> Float[np.ndarray, " instances"]:
    return mask_ious(instances, proposed).max(axis=1, initial=0)
