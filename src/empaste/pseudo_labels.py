"""Pseudo labels: what a trained detector surely sees in the training images, as far as their image-level labels allow.

The first half of a round of self-training (beyond the papers); they are pasted by ``paste.foregrounds: file``. Of the
training split only images and image-level labels are read, never its masks or boxes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.coco_records import Detection
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import file_of, read_from
from empaste.detectors.detecting import DetectSettings, detect_files, load_detector
from empaste.detectors.models import check_classes
from empaste.errors import InputError
from empaste.overlaps import SAME_OBJECT_IOU, mask_ious, suppress

MAX_DETECTIONS = 100
"""Enough detections per image for the labels and the scores to choose among."""

Key = tuple[int, int]
"""The ids of an image and of a class."""


class ClassCount(NamedTuple):
    """Of one class: instances that were kept, images whose labels name it, and those of them that got none."""

    name: str
    instances: int
    labelled_images: int
    images_without: int


def write_pseudo_labels(
    out: Path,
    model: Path,
    images: Path,
    labels: Path,
    settings: DetectSettings,
    *,
    min_best: float,
    per_class: int,
) -> list[ClassCount]:
    """``out`` holds, as one COCO data set, the detections of ``model`` in the training images that `choose` keeps.

    It keeps those of at least the ``min_score`` of ``settings``, and of a label the best one from ``min_best`` on. All
    training images are listed, by the names and ids of ``images``; annotations have RLE masks and a ``score``. Returns
    the counts per class, in the order of ``labels``. `InputError` where ``out`` exists, where the detector
    knows other classes than ``labels``, and where no detection is left; nothing is written then.
    """
    if out.exists():
        raise InputError(f"{out} exists; give another file, or remove it")
    table = read_from(images, Images).query("split == 'train'")
    classes = read_from(labels, Classes)
    wanted = dict(zip(classes["class_id"], classes["name"], strict=True))
    check_classes(model, wanted, file_of(labels, Classes))
    least = min(settings.min_score, min_best)
    detect = load_detector(model, replace(settings, min_score=least))
    named = read_from(labels, Labels)
    named = named[named["image_id"].isin(table["image_id"])]
    present = set(named[["image_id", "class_id"]].itertuples(index=False, name=None))
    files = list(image_paths(table, images).items())
    found = detect_files(detect, files, settings.batch_size)
    chosen = choose(found, present, settings.min_score, min_best, per_class)
    if not chosen:
        raise InputError(
            f"{model} finds nothing in the {len(files)} training images that scores {least} or more "
            f"and that their labels name ({len(found)} detections of other classes); lower --min-best, or train longer"
        )
    rows = [
        instance(number, row["image_id"], row["category_id"], row["segmentation"], score=row["score"])
        for number, row in enumerate(chosen, start=1)
    ]
    note = (
        f"pseudo labels of the training images by {model}: classes of the images' labels, score {settings.min_score} "
        f"or more, the best of an image and class {min_best} or more"
    )
    write_coco(out, coco_dataset(table, classes, rows, note))
    return count_classes(chosen, present, classes)


def choose(
    detections: Iterable[Detection], present: Collection[Key], min_score: float, min_best: float, per_class: int
) -> list[Detection]:
    """The COCO results among ``detections`` to believe, in their order.

    Their class is ``present`` in their image by its labels. They score at least ``min_score``; of the best one of an
    image and class, which the label vouches for, ``min_best`` is enough. None shows what a better one of the same image
    and class shows: of two whose masks overlap by an IoU over `SAME_OBJECT_IOU` the one of higher score stays, of equal
    ones the first. Of each class the ``per_class`` best of all images stay; 0: all.
    """
    least = min(min_score, min_best)
    groups: dict[Key, list[Detection]] = defaultdict(list)
    everything = list(detections)
    for row in everything:
        key = row["image_id"], row["category_id"]
        if row["score"] >= least and key in present:
            groups[key].append(row)
    kept = [
        row
        for group in groups.values()
        for place, row in enumerate(_without_duplicates(group))
        if row["score"] >= (min_score if place else least)
    ]
    if per_class:
        kept = _best_of_each_class(kept, per_class)
    ids = {id(row) for row in kept}
    return [row for row in everything if id(row) in ids]


def count_classes(chosen: Iterable[Detection], present: Collection[Key], classes: pd.DataFrame) -> list[ClassCount]:
    """Per class of ``classes`` (rows of `schemas.prepare.Classes`) how many were ``chosen``, and images left out."""
    keys = [(row["image_id"], row["category_id"]) for row in chosen]
    lacking = set(present) - set(keys)
    return [
        ClassCount(
            name,
            sum(own == class_id for _, own in keys),
            sum(own == class_id for _, own in present),
            sum(own == class_id for _, own in lacking),
        )
        for class_id, name in zip(classes["class_id"], classes["name"], strict=True)
    ]


def _without_duplicates(group: Sequence[Detection]) -> list[Detection]:
    """The detections of one image and class, best first, each object once."""
    ordered = sorted(group, key=lambda row: -row["score"])
    masks = [row["segmentation"] for row in ordered]
    kept = suppress(mask_ious(masks, masks) > SAME_OBJECT_IOU, range(len(ordered)))
    return [ordered[place] for place in kept]


def _best_of_each_class(rows: Sequence[Detection], count: int) -> list[Detection]:
    taken: dict[int, int] = defaultdict(int)
    best = []
    for row in sorted(rows, key=lambda row: -row["score"]):
        taken[row["category_id"]] += 1
        if taken[row["category_id"]] <= count:
            best.append(row)
    return best
