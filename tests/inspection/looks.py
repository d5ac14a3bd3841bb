"""Images as the inspection sees them, made by hand."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from empaste.datasets.records import Example
from empaste.images import encode_rgb
from empaste.inspection.inspecting import Inspection
from empaste.inspection.labels import Judged
from empaste.inspection.looking import Look, perceptual_hash, small_gray

NAMES = {1: "cat", 2: "dog <b>"}


def picture(seed: int, size_wh: tuple[int, int] = (120, 90)) -> np.ndarray:
    """A smooth image, unlike those of other seeds."""
    values = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return np.asarray(cv2.resize(values, size_wh, interpolation=cv2.INTER_CUBIC))


def look(
    image_id: int, image: np.ndarray, split: Any = "train", class_ids: tuple[int, ...] = (1,), **more: Any
) -> Look:
    """What was seen of ``image``."""
    return Look(
        Example(image_id, split, f"{split}/{image_id}.jpg", class_ids, listed_as=f"{image_id}.jpg"),
        class_ids,
        size_hw=image.shape[:2],
        thumbnail=encode_rgb(image, ".jpg"),
        digest=str(hash(image.tobytes())),
        phash=perceptual_hash(image),
        small=small_gray(image),
        **more,
    )


def inspection(looks: Sequence[Look], **changes: Any) -> Inspection:
    """An inspection in which nothing was found, but ``changes``."""
    given: dict[str, Any] = {
        "where": "dataset", "num_images": len(looks), "num_train": 50, "class_names": NAMES, "looks": tuple(looks),
        "pairs": (), "judged": Judged([], []), "small": None, "min_area": 0.01,
        "counts": {"cat": {"train": 40, "val": 9}, "dog <b>": {"train": 20, "val": 4}}, "together": {}, "left_out": (),
        "without_label": 0, "warnings": (), "trims_margins": False,
    }  # fmt: skip
    return Inspection(**(given | changes))
