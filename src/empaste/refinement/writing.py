"""Rounds as files, and what a person should know of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.masks import decode_mask, encode_mask
from empaste.refinement.rounds import Round
from empaste.rle import RLE

NOTHING = Round(instances=[], void=[], empty=[], kept=[])


def write_rounds(folder: Path, rounds: Sequence[Round], images: pd.DataFrame, classes: pd.DataFrame) -> None:
    """``folder`` holds every round as a COCO data set of ``images``, and ``pool.json``: the last, empty without any."""
    for number, one in enumerate(rounds, start=1):
        _write(folder, f"round_{number}", one, images, classes)
    _write(folder, "pool", rounds[-1] if rounds else NOTHING, images, classes)


def _write(folder: Path, name: str, one: Round, images: pd.DataFrame, classes: pd.DataFrame) -> None:
    rows = [
        instance(number, each["image_id"], each["class_id"], each["segmentation"], score=each["score"])
        for number, each in enumerate(one["instances"], start=1)
    ]
    note = f"refined foregrounds, {name}"
    write_coco(folder / f"{name}.json", coco_dataset(images, classes, rows, note, void_per_image(one)))


def void_per_image(one: Round) -> dict[int, RLE]:
    """Of every image that has any, the pixels of its void regions that belong to no instance."""
    masks: dict[int, Bool[np.ndarray, "h w"]] = {}
    for region in one["void"]:
        mask = decode_mask(region["segmentation"])
        masks[region["image_id"]] = masks.get(region["image_id"], False) | mask
    for each in one["instances"]:
        if each["image_id"] in masks:
            masks[each["image_id"]] &= ~decode_mask(each["segmentation"])
    return {image_id: encode_mask(mask) for image_id, mask in masks.items() if mask.any()}


def tell_rounds(rounds: Sequence[Round]) -> Iterator[str]:
    """A line for each round in which a label lost its foreground, or kept an old one."""
    for number, one in enumerate(rounds, start=1):
        if one["empty"] or one["kept"]:
            yield (
                f"refine: after round {number} {len(one['empty'])} labels of images have no foreground, since nothing "
                f"of them was seen; those of {len(one['kept'])} stay that it could not look at, or saw nothing of"
            )
