"""Mask and box average precision by VOC's rules: B. Hariharan et al., Simultaneous Detection and Segmentation, 2014.

Detections of a class are taken best score first over all images. Each goes to the instance of its image that it meets
best, and is right where their IoU reaches the threshold and no better detection had that instance. Precision is made
to fall with recall, and AP is the area under it, at all its steps and not at 101 points. Void pixels, of which nobody
said what they show, are taken off a detected mask before anything is compared: an image may name them under ``void``
(an RLE). Crowd regions are void, too, as difficult objects are in VOC: a detection that meets one best is not counted.
In mask AP that holds for instances which have a box alone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from empaste.artifacts.coco_records import Annotation, Coco, Detection, ImageRecord, rows_by_image
from empaste.artifacts.truth import COCO_IOUS, IOU50, IOU75, has_box_alone, mask_truth
from empaste.boxes import box_ious
from empaste.evaluation.results import KINDS, CurvePoint, Evaluation, Metrics, class_names, percent
from empaste.masks import decode_mask, encode_mask
from empaste.overlaps import mask_ious
from empaste.rle import RLE

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 20))
"""0.10, 0.15, … 0.95: those of AP are `COCO_IOUS`, those of APvol the tenths up to 0.9."""

RECALLS = np.linspace(0, 1, 101)
"""At which the curves are shown; AP takes all steps."""


class _Matches(NamedTuple):
    """The detections of one class, best first: right at each of `THRESHOLDS`, and whether they count at all."""

    right: Bool[np.ndarray, "t n"]
    counted: Bool[np.ndarray, "t n"]
    num_instances: int


def evaluate(ground_truth: Coco, detections: Sequence[Detection]) -> Evaluation:
    """Beside what every protocol gives: ``APvol``, the mean over the IoU thresholds 0.1, 0.2, … 0.9."""
    names = class_names(ground_truth)
    class_ids = sorted(category["id"] for category in ground_truth["categories"])
    judged = {"mask": mask_truth(ground_truth), "box": ground_truth}
    found = {kind: [_match_class(judged[kind], detections, kind, one) for one in class_ids] for kind in KINDS}
    at50 = THRESHOLDS.index(IOU50)
    curves = [
        CurvePoint(name, round(float(recall), 2), precision)
        for name, matches in zip(names, found["mask"], strict=True)
        if matches.num_instances
        for recall, precision in zip(RECALLS, _precisions_at(RECALLS, *_curve(matches, at50)), strict=True)
    ]
    return Evaluation({kind: _metrics(of_classes, names) for kind, of_classes in found.items()}, curves)


def average_precision(recall: Float[np.ndarray, " n"], precision: Float[np.ndarray, " n"]) -> float:
    """The area under the curve after precision is made to fall with recall; detections best first, recall rising."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * falling))


def _precisions_at(
    wanted: Float[np.ndarray, " m"], recall: Float[np.ndarray, " n"], precision: Float[np.ndarray, " n"]
) -> list[float]:
    """The best precision from each of the ``wanted`` recalls on; 0 where that is not reached."""
    return [float(precision[recall >= at - 1e-9].max(initial=0)) for at in wanted]


def _metrics(of_classes: Sequence[_Matches], names: Sequence[str]) -> Metrics:
    areas = np.array([_areas(matches) for matches in of_classes]).reshape(len(names), len(THRESHOLDS))
    thresholds = np.array(THRESHOLDS)
    upper, tenths = np.isin(thresholds, COCO_IOUS), np.isin(thresholds, np.round(np.arange(1, 10) / 10, 2))
    at50, at75 = THRESHOLDS.index(IOU50), THRESHOLDS.index(IOU75)
    return {
        "AP": percent(areas[:, upper]),
        "AP50": percent(areas[:, at50]),
        "AP75": percent(areas[:, at75]),
        "APvol": percent(areas[:, tenths]),
        "AP_per_class": {name: percent(row[upper]) for name, row in zip(names, areas, strict=True)},
        "AP50_per_class": {name: percent(row[[at50]]) for name, row in zip(names, areas, strict=True)},
        "AP75_per_class": {name: percent(row[[at75]]) for name, row in zip(names, areas, strict=True)},
    }


def _areas(matches: _Matches) -> list[float]:
    """AP at every threshold; -1 for a class without instances."""
    if not matches.num_instances:
        return [-1.0] * len(THRESHOLDS)
    return [average_precision(*_curve(matches, place)) for place in range(len(THRESHOLDS))]


def _curve(matches: _Matches, threshold: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Recall and precision after each counted detection, best first."""
    right = matches.right[threshold, matches.counted[threshold]]
    hits = np.cumsum(right)
    return hits / max(matches.num_instances, 1), hits / np.arange(1, len(right) + 1)


def _match_class(ground_truth: Coco, detections: Sequence[Detection], kind: str, class_id: int) -> _Matches:
    """Every detection of the class with what it met."""
    own = [row for row in detections if row["category_id"] == class_id]
    # Ties keep the order in which the detections were given.
    own = [own[place] for place in np.argsort([-row["score"] for row in own], kind="stable")]
    instances = rows_by_image(row for row in ground_truth["annotations"] if row["category_id"] == class_id)
    best, met, crowd, shielded = _meetings(own, instances, ground_truth["images"], kind)
    right = np.zeros((len(THRESHOLDS), len(own)), bool)
    counted = np.ones_like(right)
    for place, threshold in enumerate(THRESHOLDS):
        taken: set[tuple[int, int]] = set()
        for number, row in enumerate(own):
            instance = (row["image_id"], int(met[number]))
            if best[number] >= threshold and not crowd[number] and instance not in taken:
                taken.add(instance)
                right[place, number] = True
            elif (best[number] >= threshold and crowd[number]) or shielded[number] >= threshold:
                counted[place, number] = False
    total = sum(not one["iscrowd"] for rows in instances.values() for one in rows)
    return _Matches(right, counted, total)


def _meetings(
    detections: Sequence[Detection],
    instances: Mapping[int, Sequence[Annotation]],
    images: Sequence[ImageRecord],
    kind: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per detection the best IoU with an instance of its image (0 without any), which, and whether that is a crowd.

    And of masks the largest share that lies in the box of one instance without a mask.
    """
    void = {image["id"]: image["void"] for image in images if image.get("void")}
    best, met = np.zeros(len(detections)), np.zeros(len(detections), int)
    crowd, shielded = np.zeros(len(detections), bool), np.zeros(len(detections))
    places: dict[int, list[int]] = {}
    for place, row in enumerate(detections):
        places.setdefault(row["image_id"], []).append(place)
    for image_id, of_image in places.items():
        rows = instances.get(image_id, ())
        if not rows:
            continue
        shown = [detections[place] for place in of_image]
        boxes = [row["bbox"] for row in shown], [row["bbox"] for row in rows]
        ious = box_ious(*boxes) if kind == "box" else _mask_ious(shown, rows, void.get(image_id))
        alone = np.array([kind == "mask" and has_box_alone(row) for row in rows])
        shielded[of_image] = ious[:, alone].max(axis=1, initial=0)
        ious = np.where(alone, 0, ious)
        met[of_image] = ious.argmax(axis=1)
        best[of_image] = ious.max(axis=1)
        crowd[of_image] = [bool(rows[number]["iscrowd"]) for number in met[of_image]]
    return best, met, crowd, shielded


def _mask_ious(
    detections: Sequence[Detection], instances: Sequence[Annotation], void: RLE | None
) -> Float[np.ndarray, "n m"]:
    masks = [row["segmentation"] for row in detections]
    if void is not None:
        known = ~decode_mask(void)
        masks = [encode_mask(decode_mask(mask) & known) for mask in masks]
    # A mask that lies in the box of an instance without one is neither right nor wrong, however it fills that box.
    boxes_alone = [has_box_alone(row) for row in instances]
    return mask_ious(masks, [row["segmentation"] for row in instances], boxes_alone)
