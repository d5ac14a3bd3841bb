"""Ground truth as masks are measured with it: which instances there are, and how well masks fit them.

A region in which nobody knows a mask is ignored: what lies in it is neither found nor a mistake. Such are crowds, and
instances that the data set has a box of and no mask (``box_only``).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Coco
from empaste.overlaps import best_ious, mask_ious
from empaste.rle import RLE

IOU50, IOU70, IOU75 = 0.5, 0.7, 0.75
"""The IoU from which on an instance counts as found: by VOC, by the papers on proposals, by COCO's strict metric."""
COCO_IOUS = tuple(round(0.05 * step, 2) for step in range(10, 20))
"""0.50, 0.55, … 0.95: the thresholds over which COCO takes the mean."""


class TrueInstance(NamedTuple):
    """An annotated object, or an ignored region; its area in pixels is what the data set states, where it does."""

    image_id: int
    class_id: int
    annotation_id: int
    mask_rle: RLE
    area: float = np.inf
    is_ignored: bool = False


class GroundTruth:
    """The instances of a data set by image and class.

    Where several answers are equally good, the one whose instance comes first is given.
    """

    def __init__(self, annotated: Iterable[TrueInstance]) -> None:
        self._in_image: dict[int, list[TrueInstance]] = {}
        self._of_class: dict[tuple[int, int], list[TrueInstance]] = {}
        for one in annotated:
            self._in_image.setdefault(one.image_id, []).append(one)
            if not one.is_ignored:
                self._of_class.setdefault((one.image_id, one.class_id), []).append(one)

    @classmethod
    def of(cls, data: Coco) -> "GroundTruth":
        """The instances and the ignored regions of ``data``, in its order."""
        return cls(
            TrueInstance(
                row["image_id"], row["category_id"], row["id"], row["segmentation"], row["area"], is_ignored_region(row)
            )
            for row in data["annotations"]
        )

    @property
    def outlined(self) -> list[int]:
        """The images in which somebody annotated anything, ignored regions among them, in order of the first one."""
        return list(self._in_image)

    @property
    def keys(self) -> list[tuple[int, int]]:
        """The (image, class) that have instances, in order of the first one."""
        return list(self._of_class)

    def annotated(self, image_id: int) -> list[TrueInstance]:
        """The instances and the ignored regions of an image."""
        return self._in_image.get(image_id, [])

    def instances(self, image_id: int, class_id: int | None = None) -> list[TrueInstance]:
        """The instances of a class in an image; of any class with None."""
        if class_id is None:
            return [one for one in self.annotated(image_id) if not one.is_ignored]
        return self._of_class.get((image_id, class_id), [])

    def masks(self, image_id: int, class_id: int | None = None) -> list[RLE]:
        """The masks of `instances`."""
        return [one.mask_rle for one in self.instances(image_id, class_id)]

    def ious(self, masks: Sequence[RLE], image_id: int, class_id: int | None = None) -> Float[np.ndarray, "n m"]:
        """The IoU of each of ``masks`` with each of `instances`."""
        return mask_ious(masks, self.masks(image_id, class_id))

    def best_ious(self, masks: Sequence[RLE], image_id: int, class_id: int | None = None) -> Float[np.ndarray, " n"]:
        """The highest IoU that each of ``masks`` has with one of `instances`; 0 without any."""
        return best_ious(masks, self.masks(image_id, class_id))

    def overlaps(self, masks: Sequence[RLE], image_id: int) -> Float[np.ndarray, "n m"]:
        """The IoU of each mask with each of `annotated`; with ignored regions the share of the mask that lies in it."""
        annotated = self.annotated(image_id)
        return mask_ious(masks, [one.mask_rle for one in annotated], [one.is_ignored for one in annotated])

    def found_by(
        self, mask: RLE, image_id: int, class_id: int | None = None, min_iou: float = IOU50
    ) -> TrueInstance | None:
        """The one of `instances` that ``mask`` fits best; None where its IoU with that is under ``min_iou``."""
        ious = self.ious([mask], image_id, class_id)
        if not ious.size or ious.max() < min_iou:
            return None
        return self.instances(image_id, class_id)[int(ious.argmax())]


def read_truth(path: Path) -> GroundTruth:
    """The ground truth in the data set at ``path``, which `read_coco` reads."""
    return GroundTruth.of(read_coco(path))


def is_ignored_region(annotation: Annotation) -> bool:
    """Whether masks in it are neither to be found nor a mistake: a crowd, or an instance with a box alone."""
    return bool(annotation["iscrowd"]) or has_box_alone(annotation)


def has_box_alone(annotation: Annotation) -> bool:
    """Whether the data set has a box of the instance and no mask; its segmentation covers the box."""
    return bool(annotation.get("box_only", 0))


def mask_truth(data: Coco) -> Coco:
    """``data`` as masks are measured with it: instances that have a box alone are ignored regions, as crowds are."""
    annotations: list[Annotation] = [
        {**row, "iscrowd": 1} if has_box_alone(row) and not row["iscrowd"] else row for row in data["annotations"]
    ]
    return {**data, "annotations": annotations}


def percent_found(ious: Float[np.ndarray, " n"], min_iou: float) -> float | None:
    """How many percent of what has these best IoUs are found at ``min_iou``; None of nothing."""
    return round(100 * float(np.mean(ious >= min_iou)), 2) if ious.size else None
