"""Which classes are taken for which, and which images went well: detections beside instances, class by class aside.

Regions in which nobody knows a mask (crowds, instances with a box alone) are neither to be found nor a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from empaste.artifacts.coco_records import Coco, Detection, rows_by_image
from empaste.artifacts.truth import IOU50, GroundTruth

MIN_SCORE = 0.5
"""Detections under this score are left out: a person would not be shown them."""
NOTHING = ""
"""Stands for what was missed, and for what is not there: no class is called so, since every class has a name."""


class Pair(NamedTuple):
    """An instance and the detection that it was matched with; `NOTHING` where either is missing."""

    image_id: int
    actual: str
    predicted: str


def match_instances(ground_truth: Coco, detections: Sequence[Detection]) -> list[Pair]:
    """Pairs by image: of highest mask IoU first, whatever the classes, down to `IOU50`; each at most once."""
    names = {category["id"]: category["name"] for category in ground_truth["categories"]}
    truth = GroundTruth.of(ground_truth)
    shown = rows_by_image(row for row in detections if row["score"] >= MIN_SCORE)
    return [
        pair
        for image in ground_truth["images"]
        for pair in _match_image(image["id"], truth, shown.get(image["id"], []), names)
    ]


def image_quality(pairs: Sequence[Pair], ground_truth: Coco) -> dict[int, float]:
    """Per image the share of right pairs among all of it, 0 to 1; 1 where there was nothing to find or to say."""
    right: dict[int, list[bool]] = {image["id"]: [] for image in ground_truth["images"]}
    for pair in pairs:
        right[pair.image_id].append(pair.actual == pair.predicted)
    return {image_id: float(np.mean(hits)) if hits else 1.0 for image_id, hits in right.items()}


def _match_image(
    image_id: int, truth: GroundTruth, detections: Sequence[Detection], names: Mapping[int, str]
) -> Iterator[Pair]:
    instances = truth.annotated(image_id)
    ignored = [one.is_ignored for one in instances]
    ious = truth.overlaps([row["segmentation"] for row in detections], image_id)
    best: dict[int, int] = {}
    taken: set[int] = set()
    # Instances first: a detection in an ignored region may show one.
    for place in np.argsort(2 * np.array(ignored) - ious, axis=None, kind="stable").tolist():
        detection, instance = divmod(place, len(instances))
        if ious[detection, instance] >= IOU50 and detection not in best and instance not in taken:
            best[detection] = instance
            # An ignored region takes any number.
            taken.update([] if ignored[instance] else [instance])
    for number, row in enumerate(detections):
        met = instances[best[number]] if number in best else None
        if met is None or not ignored[best[number]]:
            yield Pair(image_id, names[met.class_id] if met else NOTHING, names[row["category_id"]])
    for number, one in enumerate(instances):
        if number not in taken and not one.is_ignored:
            yield Pair(image_id, names[one.class_id], NOTHING)
