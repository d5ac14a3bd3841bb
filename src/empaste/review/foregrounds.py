"""The foregrounds that a person judges: those of the pool, and those that earlier decisions are on.

Where the labels of an image name a class of which the pool has no foreground, there is something to judge as well: an
empty mask, which a person mends by drawing the object.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from empaste.artifacts.chosen_masks import read_by_hand, with_by_hand
from empaste.artifacts.coco import read_coco
from empaste.artifacts.foreground_decisions import ForegroundDecision
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
    pixel.
    """

    image: str
    class_name: str
    mask: RLE
    confidence: float | None
    is_of_run: bool = True
    is_chosen: bool = True

    @property
    def subject(self) -> tuple[str, str, str]:
        """What a decision on it is on (`ForegroundDecision.key`)."""
        return self.image, self.class_name, self.mask["counts"]

    @property
    def key(self) -> str:
        """A short name, the same in every run that chooses this mask."""
        return hashlib.sha256("\0".join(self.subject).encode()).hexdigest()[:16]


class Pool(NamedTuple):
    """What the last run chose: the training images by file name with their sizes, the classes and labels by name.

    ``segmentless`` are images in which nothing was proposed. ``refined`` is what `refine` drew, None where it drew
    nothing at all; ``pasted`` says which masks `paste` takes (``paste.foregrounds``).
    """

    paths: Mapping[str, Path]
    sizes: Mapping[str, list[int]]
    class_names: list[str]
    labels: Mapping[str, frozenset[str]]
    foregrounds: list[Foreground]
    segmentless: frozenset[str] = frozenset()
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
        _segmentless(places, {id_: name for id_, name in files.items() if id_ not in set(chosen["image_id"])}),
        refined,
        load_settings(places.params, "paste", PasteSettings).foregrounds if refined else "fem",
    )


def _segmentless(places: Layout, files: Mapping[int, str]) -> frozenset[str]:
    """Those of ``files`` that have no segment; no more than the ids of the images is read."""
    wanted = [("image_id", "in", list(files))]
    rows = pd.read_parquet(file_of(places.segments, Segments), columns=["image_id"], filters=wanted)
    return frozenset(files[id_] for id_ in files.keys() - set(rows["image_id"]))


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
    drawn = {(one.image, one.class_name, one.mended["counts"]): one.mask for one in made if one.mended is not None}
    judged = {one.key: one for one in made}
    found: dict[tuple[str, str, str], Foreground] = {}
    for one in pool.foregrounds:
        original = one if one.subject in judged or one.subject not in drawn else _with_mask(one, drawn[one.subject])
        found.setdefault(original.subject, original)
    in_pool = sorted(found.values(), key=lambda one: (one.confidence, one.subject))
    lacking = {one.subject: one for one in _lacking(pool, labels)}
    known = found.keys() | lacking.keys()
    others = [Foreground(one.image, one.class_name, one.mask, None, False) for one in made if one.key not in known]
    left = [_with_mask(one, one.mask) for one in others]
    return [*in_pool, *lacking.values(), *sorted(left, key=lambda one: one.subject)]


def _with_mask(one: Foreground, mask: RLE) -> Foreground:
    return one._replace(mask=mask, is_chosen=rle_area_box_xywh(mask)[0] > 0)


def _lacking(pool: Pool, labels: Mapping[str, frozenset[str]]) -> Iterator[Foreground]:
    """An empty mask for every label of a training image that the pool has no foreground for; images by name."""
    there = {(one.image, one.class_name) for one in pool.foregrounds}
    empty: dict[tuple[int, ...], RLE] = {}
    for image in sorted(pool.paths):
        for name in sorted(labels.get(image, frozenset()).intersection(pool.class_names)):
            if (image, name) not in there:
                size_hw = tuple(pool.sizes[image])
                mask = empty.setdefault(size_hw, encode_mask(np.zeros(size_hw, bool)))
                yield Foreground(image, name, mask, None, is_chosen=False)


def why_gone(one: Foreground, pool: Pool) -> str | None:
    """Why a foreground that a decision is on cannot be shown; None where it can."""
    if one.image not in pool.paths:
        return "Its image is no training image of this run."
    if one.class_name not in pool.class_names:
        return "Its class is none of this run."
    if pool.sizes[one.image] != one.mask["size"]:
        return "Its image has another size now."
    if one.image in pool.segmentless:
        return "Nothing was proposed in its image, and F-EM passes over such images; lower proposals.min_area."
    return None
