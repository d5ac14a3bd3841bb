"""The foregrounds that a person judges: those of the pool, and those that earlier decisions are on."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from empaste.artifacts.chosen_masks import read_by_hand, with_by_hand
from empaste.artifacts.foreground_decisions import ForegroundDecision
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import chosen_rows, segment_rles
from empaste.artifacts.tables import file_of, read_from, read_table
from empaste.layout import Layout
from empaste.report.inputs import read_rows
from empaste.rle import RLE


class Foreground(NamedTuple):
    """A mask to judge, as F-EM chose it; ``confidence`` is None where it is in the pool no more."""

    image: str
    class_name: str
    mask: RLE
    confidence: float | None

    @property
    def subject(self) -> tuple[str, str, str]:
        """What a decision on it is on (`ForegroundDecision.key`)."""
        return self.image, self.class_name, self.mask["counts"]

    @property
    def key(self) -> str:
        """A short name, the same in every run that chooses this mask."""
        return hashlib.sha256("\0".join(self.subject).encode()).hexdigest()[:16]


class Pool(NamedTuple):
    """What the last run chose: the training images by file name with their sizes, the classes and labels by name."""

    paths: Mapping[str, Path]
    sizes: Mapping[str, list[int]]
    class_names: list[str]
    labels: Mapping[str, frozenset[str]]
    foregrounds: list[Foreground]


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
    return Pool(
        {name: places.images / name for name in files.values()},
        {
            name: size_hw
            for name, *size_hw in images[["file_name", "height", "width"]].itertuples(index=False, name=None)
        },
        list(names.values()),
        _labels(read_from(places.labels, Labels), files, names),
        foregrounds,
    )


def _labels(table: pd.DataFrame, files: Mapping[int, str], names: Mapping[int, str]) -> dict[str, frozenset[str]]:
    shown = table.groupby("image_id")["class_id"].agg(list).to_dict()
    return {name: frozenset(names[id_] for id_ in shown.get(image_id, ())) for image_id, name in files.items()}


def list_foregrounds(pool: Pool, decisions: Iterable[ForegroundDecision]) -> list[Foreground]:
    """What there is to judge: the pool, least sure first, then what decisions are on and the pool lacks.

    A mask in the pool that a person drew stands for the one that was judged. Ties are by image and mask.
    """
    made = list(decisions)
    drawn = {(one.image, one.class_name, one.mended["counts"]): one.mask for one in made if one.mended is not None}
    judged = {one.key: one for one in made}
    found: dict[tuple[str, str, str], Foreground] = {}
    for one in pool.foregrounds:
        original = one if one.subject in judged else one._replace(mask=drawn.get(one.subject, one.mask))
        found.setdefault(original.subject, original)
    left = [Foreground(one.image, one.class_name, one.mask, None) for one in made if one.key not in found]
    in_pool = sorted(found.values(), key=lambda one: (one.confidence, one.subject))
    return in_pool + sorted(left, key=lambda one: one.subject)


def why_gone(one: Foreground, pool: Pool) -> str | None:
    """Why a foreground that a decision is on cannot be shown; None where it can."""
    if one.image not in pool.paths:
        return "Its image is no training image of this run."
    if one.class_name not in pool.class_names:
        return "Its class is none of this run."
    if pool.sizes[one.image] != one.mask["size"]:
        return "Its image has another size now."
    return None
