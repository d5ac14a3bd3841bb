"""What a person decided on foregrounds, found again among the segments of this run.

A decision is on a mask, not on a segment, so that it survives another run of the proposals: a rejected mask stands for
the segments that overlap it by `SAME_OBJECT_IOU`, and a mask that the person holds to be right is pasted as it is,
whether or not it is a segment. A decision tells more than an image-level label does, and a person is its only source:
nothing here opens the ground truth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from empaste.artifacts.foreground_decisions import ForegroundDecision
from empaste.artifacts.remarks import Remark
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import segment_rles
from empaste.foregrounds.instances import same_object
from empaste.masks import rle_area_box_xywh
from empaste.overlaps import SAME_OBJECT_IOU, mask_ious
from empaste.rle import RLE

GONE = "decisions are on foregrounds that are gone, since"


class RightMask(NamedTuple):
    """A mask that a person holds to be right, under the ``segment_id`` by which the pool names it.

    ``nearest`` is the segment of the image that overlaps it most, None where nothing was proposed in the image;
    ``is_like`` says whether that shows the same object, so that its features are those of the mask.
    """

    image_id: int
    class_id: int
    segment_id: int
    mask: RLE
    nearest: int | None
    is_like: bool


class DecisionCounts(NamedTuple):
    """How many decisions were honoured, by verdict, and how many are on a foreground that is ``gone``.

    ``nothing_left`` counts the (image, class) of which all segments are rejected.
    """

    kept: int = 0
    rejected: int = 0
    mended: int = 0
    gone: int = 0
    nothing_left: int = 0


@dataclass(frozen=True)
class Decided:
    """The decisions as F-EM honours them.

    ``rejected`` are ids of segments by class id, none of them the nearest of a right mask of that class. ``by_hand``
    holds the right masks that are no segments (rows of `schemas.proposals.Segments`, their ids after those of the
    segments), None without any. ``remarks`` say why decisions are gone.
    """

    right: Sequence[RightMask] = ()
    rejected: Mapping[int, frozenset[int]] = field(default_factory=dict)
    by_hand: pd.DataFrame | None = None
    counts: DecisionCounts = field(default=DecisionCounts())
    remarks: Sequence[Remark] = ()

    def right_of(self, class_id: int) -> list[RightMask]:
        """The right masks of a class in images that have segments, in order."""
        return [one for one in self.right if one.class_id == class_id and one.nearest is not None]

    def without_segments(self) -> list[RightMask]:
        """The right masks in images in which nothing was proposed, in order."""
        return [one for one in self.right if one.nearest is None]

    def rows_of(self, pool: pd.DataFrame) -> pd.DataFrame:
        """The rows of the pool that are right masks, in its order."""
        right = {(one.image_id, one.class_id, one.segment_id) for one in self.right}
        keys = zip(pool["image_id"], pool["class_id"], pool["segment_id"], strict=True)
        return pool[[key in right for key in keys]]


class _Scene(NamedTuple):
    """A training image with its segments, and the classes that its labels name."""

    image_id: int
    size_hw: list[int]
    segment_ids: list[int]
    masks: list[RLE]
    class_ids: frozenset[int]


class _Located(NamedTuple):
    """A decision, its image and its class."""

    decision: ForegroundDecision
    scene: _Scene
    class_id: int

    @property
    def similar(self) -> frozenset[int]:
        """The segments that show what the judged mask shows."""
        same = same_object(self.decision.mask, self.scene.masks)
        return frozenset(np.array(self.scene.segment_ids, int)[same].tolist())


def find_decided(
    decisions: Sequence[ForegroundDecision],
    images: pd.DataFrame,
    classes: pd.DataFrame,
    cams: pd.DataFrame,
    segments: pd.DataFrame,
) -> Decided:
    """The ``decisions`` among the ``segments`` of the training ``images``.

    Tables have rows of their schemas; ``cams`` has a row for every class that an image's labels name. A decision is
    gone where its image is no training image or has another size, where its labels do not name the class, and, if it
    rejects a mask, where no segment overlaps that by `SAME_OBJECT_IOU`.
    """
    if not decisions:
        return Decided()
    scenes = _read_scenes({one.image for one in decisions}, images, cams, segments)
    class_ids = dict(zip(classes["name"].tolist(), classes["class_id"].tolist(), strict=True))
    located, remarks = [], []
    for one in decisions:
        found = _locate(one, scenes, class_ids)
        if isinstance(found, Remark):
            remarks.append(found)
        else:
            located.append(found)
    right = _right_masks(located, int(segments["segment_id"].max()) + 1 if len(segments) else 0)
    rejected = _rejected(located, right)
    counts = _count(located, len(remarks), _nothing_left(located, rejected, right))
    return Decided(right, rejected, _by_hand_rows(right), counts, remarks)


def _read_scenes(
    names: set[str], images: pd.DataFrame, cams: pd.DataFrame, segments: pd.DataFrame
) -> dict[str, _Scene]:
    """The training images called by ``names``."""
    rows = images[(images["split"] == "train") & images["file_name"].isin(names)]
    of_image = segments.groupby("image_id").indices
    labels = cams.groupby("image_id")["class_id"].agg(frozenset).to_dict()
    scenes = {}
    columns = ["file_name", "image_id", "height", "width"]
    for name, image_id, *size_hw in rows[columns].itertuples(index=False, name=None):
        own = segments.iloc[of_image.get(image_id, [])]
        classes = labels.get(image_id, frozenset())
        scenes[name] = _Scene(image_id, size_hw, own["segment_id"].tolist(), segment_rles(own), classes)
    return scenes


def _locate(one: ForegroundDecision, scenes: Mapping[str, _Scene], class_ids: Mapping[str, int]) -> _Located | Remark:
    """The image and the class of a decision, or why its foreground is gone."""
    called = f"{one.class_name} in {one.image}"
    if (scene := scenes.get(one.image)) is None:
        return Remark(f"{GONE} their image is no training image of data/images", called)
    class_id = class_ids.get(one.class_name)
    if class_id is None or class_id not in scene.class_ids:
        return Remark(f"{GONE} the image's labels do not name the class", called)
    if scene.size_hw != one.mask["size"]:
        sizes = [" × ".join(map(str, size)) for size in (one.mask["size"], scene.size_hw)]
        return Remark(f"{GONE} the image has another size", f"{called} (height × width: {sizes[0]}, now {sizes[1]})")
    found = _Located(one, scene, class_id)
    if one.verdict == "reject" and not found.similar:
        return Remark(f"{GONE} no segment shows what was rejected", called)
    return found


def _right_masks(located: Iterable[_Located], next_id: int) -> list[RightMask]:
    """The masks that are right, each once; those that are no segments are numbered from ``next_id``."""
    found: dict[tuple[int, int, str], RightMask] = {}
    for one in located:
        mask = one.decision.right_mask
        if mask is None or (key := (one.scene.image_id, one.class_id, mask["counts"])) in found:
            continue
        found[key] = _right_mask(one, mask, next_id)
        next_id += found[key].segment_id == next_id
    return list(found.values())


def _right_mask(one: _Located, mask: RLE, new_id: int) -> RightMask:
    """The mask among the segments of its image; under ``new_id`` where it is none of them."""
    scene, key = one.scene, (one.scene.image_id, one.class_id)
    if not scene.masks:
        return RightMask(*key, new_id, mask, None, False)
    ious = mask_ious([mask], scene.masks)[0]
    best = int(ious.argmax())
    nearest, is_segment = scene.segment_ids[best], mask["counts"] == scene.masks[best]["counts"]
    return RightMask(*key, nearest if is_segment else new_id, mask, nearest, bool(ious[best] >= SAME_OBJECT_IOU))


def _rejected(located: Iterable[_Located], right: Iterable[RightMask]) -> dict[int, frozenset[int]]:
    """The ids of the rejected segments by class, without the nearest ones of masks that are right."""
    spared = {(one.class_id, one.nearest) for one in right}
    rejected: dict[int, frozenset[int]] = {}
    for one in located:
        if one.decision.verdict == "reject":
            ids = frozenset(id_ for id_ in one.similar if (one.class_id, id_) not in spared)
            rejected[one.class_id] = rejected.get(one.class_id, frozenset()) | ids
    return rejected


def _nothing_left(
    located: Iterable[_Located], rejected: Mapping[int, frozenset[int]], right: Iterable[RightMask]
) -> int:
    """Of how many (image, class) every segment is rejected."""
    held = {(one.image_id, one.class_id) for one in right}
    judged = {(one.scene.image_id, one.class_id): one.scene.segment_ids for one in located}
    return sum(key not in held and rejected.get(key[1], frozenset()).issuperset(ids) for key, ids in judged.items())


def _count(located: Iterable[_Located], num_gone: int, nothing_left: int) -> DecisionCounts:
    verdicts = [one.decision.verdict for one in located]
    return DecisionCounts(
        verdicts.count("keep"), verdicts.count("reject"), verdicts.count("mend"), num_gone, nothing_left
    )


def _by_hand_rows(right: Iterable[RightMask]) -> pd.DataFrame | None:
    """The masks that are no segments as rows of `schemas.proposals.Segments`; a person's score is 1."""
    rows = []
    for one in right:
        if one.segment_id != one.nearest:
            area, (x, y, width, height) = rle_area_box_xywh(one.mask)
            size_hw = one.mask["size"]
            rows.append((one.segment_id, one.image_id, one.mask["counts"], *size_hw, area, x, y, width, height, 1.0))
    return pd.DataFrame(rows, columns=list(Segments.to_schema().columns)) if rows else None
