"""Choices as rows of tables, with further instances of the pool, and how sure each is."""

from functools import cache

import numpy as np
import pandas as pd
from jaxtyping import Int

from empaste.foregrounds.confidence import Neighbours, confidences
from empaste.foregrounds.em import Choice
from empaste.foregrounds.gathering import ClassSegments
from empaste.foregrounds.overlaps import pick_further, same_object
from empaste.foregrounds.settings import ForegroundsSettings

COLUMNS = [
    "image_id", "class_id", "segment_id", "distance", "prob", "inlier", "cam_empty", "instance", "confidence",
]  # fmt: skip


def neighbours_among(one: ClassSegments) -> Neighbours:
    """Tells which candidates show the same object as a given one; each is looked up once."""
    bounds = one.bounds

    @cache
    def neighbours(at: int) -> Int[np.ndarray, " n"]:
        number = one.candidates.image[at]
        rles = one.masks(slice(bounds[number], bounds[number + 1]))
        same: Int[np.ndarray, " n"] = bounds[number] + np.flatnonzero(same_object(rles[at - bounds[number]], rles))
        return same

    return neighbours


def chosen_rows(one: ClassSegments, choice: Choice, neighbours: Neighbours) -> pd.DataFrame:
    """A row of `COLUMNS` per image: the segment chosen."""
    return rows_of(one, choice, choice.index, neighbours).assign(inlier=choice.inlier)


def further_rows(
    one: ClassSegments, choice: Choice, neighbours: Neighbours, settings: ForegroundsSettings
) -> pd.DataFrame:
    """Further instances: segments at most as far from the class as a quantile of its inliers, hardly overlapping.

    They must be as probable as all of the pool, and be eligible.
    """
    limit = np.quantile(choice.distances[choice.index[choice.inlier]], settings.instance_quantile)
    likely = np.isfinite(choice.costs) & (choice.distances <= limit) & (one.probs >= settings.min_prob)
    bounds = one.bounds
    found: list[tuple[int, int]] = []
    for number, chosen in enumerate(choice.index.tolist() if settings.max_instances > 1 else ()):
        others = bounds[number] + np.flatnonzero(likely[bounds[number] : bounds[number + 1]])
        others = others[others != chosen]
        if len(others):
            taken, *rles = one.masks(np.array([chosen, *others]))
            picked = pick_further(
                taken, rles, choice.costs[others], settings.instance_overlap, settings.max_instances - 1
            )
            found += [(int(others[at]), instance) for instance, at in enumerate(picked.tolist(), start=1)]
    at, instance = np.array(found, int).reshape(-1, 2).T
    return rows_of(one, choice, at, neighbours).assign(instance=instance)


def rows_of(one: ClassSegments, choice: Choice, at: Int[np.ndarray, " m"], neighbours: Neighbours) -> pd.DataFrame:
    """The candidates ``at`` as rows of `COLUMNS`, no inliers, as first instances."""
    images = one.cams.iloc[one.candidates.image[at]]
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "class_id": images["class_id"].to_numpy(),
            "segment_id": one.ids(at),
            "distance": choice.distances[at],
            "prob": one.probs[at],
            "inlier": np.zeros(len(at), bool),
            "cam_empty": images["cam_empty"].to_numpy(),
            "instance": np.zeros(len(at), int),
            "confidence": confidences(choice.costs, one.candidates.image, at, neighbours),
        }
    )
