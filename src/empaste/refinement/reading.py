"""What the refinement starts from: F-EM's pool as instances, and the training images with their labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from empaste.artifacts.chosen_masks import DECIDED, read_chosen_masks
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.segments import chosen_rows, segment_rles
from empaste.artifacts.tables import read_from, read_table
from empaste.errors import InputError
from empaste.refinement.rounds import Instance, LabelledImage


def read_pool(foregrounds: Path, segments: Path) -> list[Instance]:
    """The foregrounds of F-EM's final pool, by image and class; their score is the confidence.

    `InputError` where a table is missing, or the pool names a segment that there is not.
    """
    return _read(foregrounds / "pool.parquet", foregrounds, segments)


def read_decided(foregrounds: Path, segments: Path) -> list[Instance]:
    """Those of the pool that a person said to be right; as `read_pool`."""
    table = foregrounds / DECIDED
    return _read(table, foregrounds, segments) if table.exists() else []


def _read(table: Path, foregrounds: Path, segments: Path) -> list[Instance]:
    chosen = read_table(table, Foregrounds)
    masks = read_chosen_masks(segments, foregrounds)
    rows = chosen_rows(chosen, masks).sort_values(["image_id", "class_id", "instance"])
    keys = zip(rows["image_id"].tolist(), rows["class_id"].tolist(), rows["confidence"].tolist(), strict=True)
    return [
        Instance(image_id=image_id, class_id=class_id, segmentation=rle, score=score)
        for (image_id, class_id, score), rle in zip(keys, segment_rles(rows), strict=True)
    ]


def check_labels(instances: Sequence[Instance], images: Mapping[int, LabelledImage], foregrounds: Path) -> None:
    """`InputError` where an instance is of an image, or of a class in it, that the labels do not name."""
    for one in instances:
        image_id, class_id = one["image_id"], one["class_id"]
        if image_id not in images or class_id not in images[image_id].class_ids:
            raise InputError(
                f"{foregrounds} has a foreground of class {class_id} in image {image_id}, which data/labels does not "
                "name; run: dvc repro foregrounds"
            )


def read_labelled(images: Path, labels: Path) -> dict[int, LabelledImage]:
    """The training images whose labels name a class, by id, in order; classes in order of their ids."""
    pairs: pd.DataFrame = read_from(labels, Labels)
    shown = pairs.groupby("image_id")["class_id"].agg(sorted).to_dict()
    paths = read_image_paths(images, "train")
    return {
        image_id: LabelledImage(paths[image_id], shown[image_id]) for image_id in sorted(paths) if image_id in shown
    }
