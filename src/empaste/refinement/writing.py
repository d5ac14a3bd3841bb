"""Rounds as files, and what a person should know of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.refinement.rounds import Instance, Round


def write_rounds(folder: Path, rounds: Sequence[Round], images: pd.DataFrame, classes: pd.DataFrame) -> None:
    """``folder`` holds every round as a COCO data set of ``images``, and ``pool.json``: the last, empty without any."""
    for number, one in enumerate(rounds, start=1):
        _write(folder, f"round_{number}", one["instances"], images, classes)
    _write(folder, "pool", rounds[-1]["instances"] if rounds else [], images, classes)


def _write(folder: Path, name: str, instances: Sequence[Instance], images: pd.DataFrame, classes: pd.DataFrame) -> None:
    rows = [
        instance(number, one["image_id"], one["class_id"], one["segmentation"], score=one["score"])
        for number, one in enumerate(instances, start=1)
    ]
    write_coco(folder / f"{name}.json", coco_dataset(images, classes, rows, f"refined foregrounds, {name}"))


def tell_rounds(rounds: Sequence[Round]) -> Iterator[str]:
    """A line for each round in which a label lost its foreground, or kept an old one."""
    for number, one in enumerate(rounds, start=1):
        if one["empty"] or one["kept"]:
            yield (
                f"refine: round {number} saw nothing of {len(one['empty'])} labels of images, which have no foreground "
                f"now, and could not look at {len(one['kept'])}, whose foregrounds stay"
            )
