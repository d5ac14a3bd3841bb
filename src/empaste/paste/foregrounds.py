"""Where the foregrounds come from: F-EM's choice, Step 1's, a file, or, for the studies that name it, the ground truth.

Lists of foregrounds are in painting order: by image, then the largest first, so that of two that overlap the smaller
one stays whole; of two equal ones (a segment chosen for two classes) the more probable one ends on top.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from empaste.artifacts.coco_records import Coco
from empaste.artifacts.polygons import segmentation_rle
from empaste.artifacts.truth import GroundTruth, TrueInstance, is_ignored_region
from empaste.errors import InputError
from empaste.masks import rle_area_box_xywh
from empaste.rle import RLE

if TYPE_CHECKING:  # every worker process imports this module, and none touches a table
    import pandas as pd


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


def check_classes(foregrounds: list[Foreground], classes: "pd.DataFrame") -> None:
    """`InputError` where a foreground is of a class that ``classes`` (rows of `schemas.prepare.Classes`) lacks."""
    known = set(classes["class_id"])
    for foreground in foregrounds:
        if foreground.class_id not in known:
            raise InputError(
                f"{foreground.origin} {foreground.source_id} of image {foreground.image_id} is of class "
                f"{foreground.class_id}, which data/labels/classes.parquet lacks; run: dvc repro"
            )


def annotated_instances(coco: Coco) -> list[Foreground]:
    """The instances of ``coco`` that have a mask and are no crowds; ``score`` is the confidence, where there is one.

    Masks may be in any of COCO's three forms. Of ``coco`` the images' sizes and the annotations are looked at. Given
    the ground truth of the training split, this reads its masks. `InputError` where a mask is none of its image.
    """
    sizes = {image["id"]: (int(image["height"]), int(image["width"])) for image in coco["images"]}
    found = [
        Foreground(row["image_id"], row["category_id"], row["id"], "annotation_id",
                   segmentation_rle(row["segmentation"], sizes[row["image_id"]], f"annotation {row['id']}"),
                   row.get("score"))
        for row in coco["annotations"]
        if not is_ignored_region(row) and row.get("segmentation")
    ]  # fmt: skip
    return in_painting_order(found)


def in_painting_order(foregrounds: Iterable[Foreground]) -> list[Foreground]:
    """Those of ``foregrounds`` that are not empty, by image, the largest first, then by id."""
    areas = [(one, rle_area_box_xywh(one.mask_rle)[0]) for one in foregrounds]
    ordered = sorted(areas, key=lambda pair: (pair[0].image_id, -pair[1], pair[0].source_id))
    return [one for one, area in ordered if area]


def instances_found(instances: list[Foreground], foregrounds: list[Foreground]) -> list[Foreground]:
    """Those of ``instances`` (ground truth) that one of ``foregrounds`` of their image and class meets.

    This is the papers' ablation GT ∩ F-EM: F-EM says which objects, the ground truth gives their masks. A foreground
    finds the one instance with which its IoU is highest, if that is at least `truth.IOU50`.
    """
    truth = GroundTruth(TrueInstance(one.image_id, one.class_id, one.source_id, one.mask_rle) for one in instances)
    met = [truth.found_by(one.mask_rle, one.image_id, one.class_id) for one in foregrounds]
    found = {instance.annotation_id for instance in met if instance}
    return [instance for instance in instances if instance.source_id in found]
