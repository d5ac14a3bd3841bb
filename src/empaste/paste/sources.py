"""Where the foregrounds come from: F-EM's choice, Step 1's, a file, or, for the studies that name it, the ground truth.

Lists of foregrounds are in painting order: by image, then the largest first, so that of two that overlap the smaller
one stays whole; of two equal ones (a segment chosen for two classes) the more probable one ends on top.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from empaste.artifacts.coco import is_ignored_region
from empaste.errors import InputError
from empaste.overlaps import mask_ious
from empaste.rle import RLE

if TYPE_CHECKING:  # every worker process imports this module, and none touches a table
    import pandas as pd

MIN_FOUND_IOU = 0.5
"""A ground-truth instance counts as found by F-EM from this IoU with a foreground of its class."""


class Foreground(NamedTuple):
    """One object in a training image. ``source_id`` is a segment's id, or an annotation's (``origin``).

    ``confidence`` says how sure F-EM, or the detector of the annotation, is of it; None for ground truth.
    """

    image_id: int
    class_id: int
    source_id: int
    origin: str
    mask_rle: RLE
    confidence: float | None = None


def chosen_segments(chosen: "pd.DataFrame", segments: "pd.DataFrame") -> list[Foreground]:
    """The foregrounds that ``chosen`` (rows of `schemas.Foregrounds`) picks from ``segments`` (`schemas.Segments`)."""
    rows = chosen.merge(segments, on=["image_id", "segment_id"], how="left")
    lost = rows[rows["counts"].isna()]
    if len(lost):
        first = lost.iloc[0]
        raise InputError(
            f"data/foregrounds names segment {first.segment_id} of image {first.image_id}, which data/segments lacks; "
            "run: dvc repro foregrounds"
        )
    rows = rows.sort_values(
        ["image_id", "area", "prob", "segment_id", "class_id"], ascending=[True, False, True, True, True]
    )
    return [
        Foreground(row["image_id"], row["class_id"], row["segment_id"], "segment_id",
                   RLE(size=[int(row["height"]), int(row["width"])], counts=row["counts"]), row["confidence"])
        for row in rows.to_dict("records")
    ]  # fmt: skip


def check_classes(foregrounds: list[Foreground], classes: "pd.DataFrame") -> None:
    """Raise `InputError` where a foreground is of a class that ``classes`` (rows of `schemas.Classes`) lacks."""
    known = set(classes["class_id"])
    for foreground in foregrounds:
        if foreground.class_id not in known:
            raise InputError(
                f"{foreground.origin} {foreground.source_id} of image {foreground.image_id} is of class "
                f"{foreground.class_id}, which data/labels/classes.parquet lacks; run: dvc repro"
            )


def annotated_instances(coco: dict[str, Any]) -> list[Foreground]:
    """The instances of ``coco`` that have a mask and are no crowds; ``score`` is the confidence, where there is one.

    Of ``coco`` the images' sizes and the annotations are looked at. Given the ground truth of the training split, this
    reads its masks.
    """
    from pycocotools import mask as coco_mask

    sizes = {image["id"]: [int(image["height"]), int(image["width"])] for image in coco["images"]}
    found = [
        Foreground(row["image_id"], row["category_id"], row["id"], "annotation_id",
                   _as_rle(row["segmentation"], sizes[row["image_id"]]), row.get("score"))
        for row in coco["annotations"]
        if not is_ignored_region(row) and row.get("segmentation")
    ]  # fmt: skip
    areas = {one.source_id: int(coco_mask.area(one.mask_rle)) for one in found}
    found = [one for one in found if areas[one.source_id]]
    return sorted(found, key=lambda one: (one.image_id, -areas[one.source_id], one.source_id))


def _as_rle(segmentation: Any, size_hw: list[int]) -> RLE:
    """A mask in any of COCO's three forms (polygons, RLE as numbers, RLE as text) as RLE text."""
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, dict) and isinstance(segmentation["counts"], str):
        return RLE(size=[int(side) for side in segmentation["size"]], counts=segmentation["counts"])
    if isinstance(segmentation, dict):
        encoded = coco_mask.frPyObjects(segmentation, *size_hw)
    else:
        encoded = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size_hw))
    return RLE(size=[int(side) for side in encoded["size"]], counts=encoded["counts"].decode("ascii"))


def instances_found(instances: list[Foreground], foregrounds: list[Foreground]) -> list[Foreground]:
    """Those of ``instances`` (ground truth) that one of ``foregrounds`` of their image and class meets.

    This is the papers' ablation GT ∩ F-EM: F-EM says which objects, the ground truth gives their masks. A foreground
    finds the one instance with which its IoU is highest, if that is at least `MIN_FOUND_IOU`.
    """
    by_key: dict[tuple[int, int], list[Foreground]] = {}
    for instance in instances:
        by_key.setdefault((instance.image_id, instance.class_id), []).append(instance)
    found: set[int] = set()
    for foreground in foregrounds:
        candidates = by_key.get((foreground.image_id, foreground.class_id), [])
        ious = mask_ious([foreground.mask_rle], [one.mask_rle for one in candidates])
        if ious.size and ious.max() >= MIN_FOUND_IOU:
            found.add(candidates[int(ious.argmax())].source_id)
    return [instance for instance in instances if instance.source_id in found]
