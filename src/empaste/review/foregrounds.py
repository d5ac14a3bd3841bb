"""The foregrounds that a person judges: those of the pool, and those that earlier decisions are on.

Where the labels of an image name a class of which the pool has no foreground, there is something to judge as well: an
empty mask, which a person mends by drawing the object.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from empaste.artifacts.chosen_masks import read_by_hand, with_by_hand
from empaste.artifacts.coco import read_coco
from empaste.artifacts.foreground_decisions import ForegroundDecision, Subject
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import chosen_rows, segment_rles
from empaste.artifacts.tables import file_of, read_from, read_table
from empaste.layout import Layout
from empaste.masks import encode_mask, rle_area_box_xywh
from empaste.paste.settings import PasteSettings
from empaste.report.inputs import read_rows
from empaste.rle import RLE
from empaste.settings import load_settings

Label = tuple[str, str]
"""An image by its file name, and a class by its name."""


class Foreground(NamedTuple):
    """A mask to judge, as F-EM chose it; an empty one where it chose nothing.

    ``confidence`` is None where it is in the pool no more, or not yet; ``is_of_run`` says whether the last run has it,
    or asks for it by its labels, so that it is there without a decision, too. ``is_chosen`` says whether the mask has a
    pixel. ``instance`` numbers the objects that a person draws beside others of the class in the image, from 1.
    """

    image: str
    class_name: str
    mask: RLE
    confidence: float | None
    is_of_run: bool = True
    is_chosen: bool = True
    instance: int = 0

    @property
    def subject(self) -> Subject:
        """What a decision on it is on (`ForegroundDecision.key`)."""
        return self.image, self.class_name, self.mask["counts"], self.instance

    @property
    def key(self) -> str:
        """A short name, the same in every run that chooses this mask."""
        return hashlib.sha256("\0".join(map(str, self.subject)).encode()).hexdigest()[:16]


class Pool(NamedTuple):
    """What the last run chose: the training images by file name with their sizes, the classes and labels by name.

    ``refined`` is what `refine` drew, None where it drew nothing at all; ``pasted`` says which masks `paste` takes
    (``paste.foregrounds``).
    """

    paths: Mapping[str, Path]
    sizes: Mapping[str, list[int]]
    class_names: list[str]
    labels: Mapping[str, frozenset[str]]
    foregrounds: list[Foreground]
    refined: Mapping[Label, list[RLE]] | None = None
    pasted: str = "fem"


def read_pool(places: Layout) -> Pool:
    """The pool of the run in ``places``; `InputError` where an artifact is missing or does not fit the others."""
    images = read_from(places.images, Images).query("split == 'train'")
    classes = read_from(places.labels, Classes)
    names = dict(zip(classes["class_id"].tolist(), classes["name"].tolist(), strict=True))
    files = dict(zip(images["image_id"].tolist(), images["file_name"].tolist(), strict=True))
    chosen = read_table(places.foregrounds / "pool.parquet", Foregrounds)
    segments = read_rows(file_of(places.segments, Segments), Segments, set(chosen["segment_id"]), "segment_id")
    rows = chosen_rows(chosen, with_by_hand(segments, read_by_hand(places.foregrounds)))
    keys = rows[["image_id", "class_id", "confidence"]].itertuples(index=False, name=None)
    foregrounds = [
        Foreground(files[image_id], names[class_id], rle, confidence)
        for (image_id, class_id, confidence), rle in zip(keys, segment_rles(rows), strict=True)
    ]
    refined = _refined(places, files, names)
    return Pool(
        {name: places.images / name for name in files.values()},
        {
            name: size_hw
            for name, *size_hw in images[["file_name", "height", "width"]].itertuples(index=False, name=None)
        },
        list(names.values()),
        _labels(read_from(places.labels, Labels), files, names),
        foregrounds,
        refined,
        load_settings(places.params, "paste", PasteSettings).foregrounds if refined else "fem",
    )


def _refined(places: Layout, files: Mapping[int, str], names: Mapping[int, str]) -> dict[Label, list[RLE]] | None:
    """What the last round of `refine` drew in the images ``files``; None where there was no round."""
    path = places.refined / "pool.json"
    if not path.exists():
        return None
    found: dict[Label, list[RLE]] = {}
    for row in read_coco(path)["annotations"]:
        if row["image_id"] in files and row["category_id"] in names:
            label = files[row["image_id"]], names[row["category_id"]]
            found.setdefault(label, []).append(row["segmentation"])
    return found or None


def _labels(table: pd.DataFrame, files: Mapping[int, str], names: Mapping[int, str]) -> dict[str, frozenset[str]]:
    shown = table.groupby("image_id")["class_id"].agg(list).to_dict()
    return {name: frozenset(names[id_] for id_ in shown.get(image_id, ())) for image_id, name in files.items()}


def list_foregrounds(
    pool: Pool, labels: Mapping[str, frozenset[str]], decisions: Iterable[ForegroundDecision]
) -> list[Foreground]:
    """What there is to judge: the pool, least sure first; what ``labels`` name and it lacks; what decisions are on.

    ``labels`` are those of the run, as they were corrected since. A mask in the pool that a person drew stands for the
    one that was judged. Ties are by image and mask.
    """
    made = list(decisions)
    drawn = {(one.image, one.class_name, one.mended["counts"], 0): one for one in made if one.mended is not None}
    judged = {one.key: one for one in made}
    found: dict[Subject, Foreground] = {}
    for one in pool.foregrounds:
        original = one if one.subject in judged or one.subject not in drawn else _judged_by(one, drawn[one.subject])
        found.setdefault(original.subject, original)
    in_pool = sorted(found.values(), key=lambda one: (one.confidence, one.subject))
    lacking = {one.subject: one for one in _lacking(pool, labels)}
    known = found.keys() | lacking.keys()
    left = [
        _judged_by(Foreground(one.image, one.class_name, one.mask, None, False), one)
        for one in made
        if one.key not in known
    ]
    return [*in_pool, *lacking.values(), *sorted(left, key=lambda one: one.subject)]


def _judged_by(one: Foreground, decision: ForegroundDecision) -> Foreground:
    """The foreground as it was when ``decision`` was made; of the run itself unless a person added it."""
    return one._replace(
        mask=decision.mask, instance=decision.instance, is_chosen=rle_area_box_xywh(decision.mask)[0] > 0,
        is_of_run=one.is_of_run and not decision.instance,
    )  # fmt: skip


def _lacking(pool: Pool, labels: Mapping[str, frozenset[str]]) -> Iterator[Foreground]:
    """An empty mask for every label of a training image that the pool has no foreground for; images by name."""
    there = {(one.image, one.class_name) for one in pool.foregrounds}
    for image in sorted(pool.paths):
        for name in sorted(labels.get(image, frozenset()).intersection(pool.class_names)):
            if (image, name) not in there:
                yield nothing_chosen(pool, image, name)


def nothing_chosen(pool: Pool, image: str, class_name: str) -> Foreground:
    """An empty mask of an image of the ``pool``, for a person to draw."""
    return Foreground(image, class_name, _empty_mask(*pool.sizes[image]), None, is_chosen=False)


@lru_cache(maxsize=64)
def _empty_mask(height: int, width: int) -> RLE:
    return encode_mask(np.zeros((height, width), bool))


def why_gone(one: Foreground, pool: Pool) -> str | None:
    """Why a foreground that a decision is on cannot be shown; None where it can."""
    if one.image not in pool.paths:
        return "Its image is no training image of this run."
    if one.class_name not in pool.class_names:
        return "Its class is none of this run."
    if pool.sizes[one.image] != one.mask["size"]:
        return "Its image has another size now."
    return None
