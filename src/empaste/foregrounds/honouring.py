"""F-EM as a person's decisions bind it: rejected segments are no candidates, right masks are chosen in their images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from empaste.artifacts.segments import segment_rles
from empaste.foregrounds.confidence import Neighbours
from empaste.foregrounds.decided import RightMask
from empaste.foregrounds.em import Candidates, Choice
from empaste.foregrounds.gathering import ClassSegments
from empaste.foregrounds.rows import COLUMNS, rows_of
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.overlaps import covered_shares


def take_out(segments: ClassSegments, rejected: frozenset[int]) -> ClassSegments:
    """The class without the candidates whose ids are ``rejected``, and without the images that have no others."""
    left = ~np.isin(segments.ids(), list(rejected))
    if left.all():
        return segments
    before = segments.candidates
    kept_images, image = np.unique(before.image[left], return_inverse=True)
    candidates = Candidates(before.rows[left], image, before.evidence[left], before.eligible[left])
    return ClassSegments(segments.cams.iloc[kept_images], candidates, segments.probs[left], segments.table)


def pin_right(segments: ClassSegments, right: Sequence[RightMask]) -> ClassSegments:
    """The class with the segments pinned that show what is ``right``, of an image the first."""
    pinned = np.full(len(segments.cams), -1)
    for mask in reversed([mask for mask in right if mask.is_like]):
        pinned[_number(segments, mask)] = _place(segments, mask)
    return segments._replace(candidates=replace(segments.candidates, pinned=pinned)) if right else segments


def with_right(
    pool: pd.DataFrame,
    segments: ClassSegments,
    choice: Choice,
    right: Sequence[RightMask],
    neighbours: Neighbours,
    settings: ForegroundsSettings,
) -> pd.DataFrame:
    """The class's part of the ``pool`` with the ``right`` masks, whatever their probability, first in their images.

    Their confidence is 1; distance and probability are those of the nearest segment. Other foregrounds of such an
    image stay where ``max_instances`` has room for them and they hardly overlap the right masks.
    """
    if not right:
        return pool
    parts = [pool[~pool["image_id"].isin({mask.image_id for mask in right})]]
    for image_id in dict.fromkeys(mask.image_id for mask in right):
        own = [mask for mask in right if mask.image_id == image_id]
        held = rows_of(segments, choice, np.array([_place(segments, mask) for mask in own]), neighbours)
        first_like = next((number for number, mask in enumerate(own) if mask.is_like), None)
        inlier = [number == first_like for number in range(len(own))]
        held = held.assign(segment_id=[mask.segment_id for mask in own], confidence=1.0, inlier=inlier)
        others = _apart(pool[pool["image_id"] == image_id], segments, own, settings)
        both = pd.concat([held, others], ignore_index=True)
        parts.append(both.assign(instance=np.arange(len(both))))
    return pd.concat(parts)


def rows_without_segments(right: Sequence[RightMask], cams: pd.DataFrame) -> pd.DataFrame:
    """The ``right`` masks of images in which nothing was proposed, as rows of `COLUMNS` of the pool.

    Their confidence is 1 and their probability the whole image's, since they have the features of no segment; for the
    same reason there is no distance, and nothing for F-EM to learn.
    """
    cells = cams[["image_id", "class_id", "prob", "cam_empty"]].itertuples(index=False, name=None)
    shown = {(image_id, class_id): cell for image_id, class_id, *cell in cells}
    counts: dict[tuple[int, int], int] = {}
    rows = []
    for one in right:
        key = one.image_id, one.class_id
        counts[key] = counts.get(key, -1) + 1
        prob, cam_empty = shown[key]
        rows.append((*key, one.segment_id, np.nan, prob, False, cam_empty, counts[key], 1.0))
    return pd.DataFrame(rows, columns=COLUMNS)


def _apart(
    rows: pd.DataFrame, segments: ClassSegments, right: Sequence[RightMask], settings: ForegroundsSettings
) -> pd.DataFrame:
    """Those of an image's pool that hardly overlap the ``right`` masks, as many as there is room for beside them."""
    masks = segment_rles(segments.table.set_index("segment_id").loc[rows["segment_id"]]) if len(rows) else []
    shares = covered_shares([*(mask.mask for mask in right), *masks])[: len(right), len(right) :]
    known = rows["segment_id"].isin([mask.segment_id for mask in right]).to_numpy()
    apart = (shares <= settings.instance_overlap).all(axis=0) & ~known
    return rows.iloc[np.flatnonzero(apart)[: max(0, settings.max_instances - len(right))]]


def _number(segments: ClassSegments, mask: RightMask) -> int:
    """The number of the mask's image among those of the class."""
    return int(np.flatnonzero(segments.cams["image_id"].to_numpy() == mask.image_id)[0])


def _place(segments: ClassSegments, mask: RightMask) -> int:
    """The candidate that overlaps the mask most."""
    return int(np.flatnonzero(segments.ids() == mask.nearest)[0])
