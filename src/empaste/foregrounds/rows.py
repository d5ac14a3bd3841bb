"""Choices as rows of tables, with further instances of the pool, and how sure each is."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
from jaxtyping import Int

from empaste.foregrounds.confidence import Neighbours, confidences
from empaste.foregrounds.em import Choice
from empaste.foregrounds.gathering import ClassSegments
from empaste.foregrounds.instances import pick_further, same_object
from empaste.foregrounds.settings import ForegroundsSettings

COLUMNS = [
    "image_id", "class_id", "segment_id", "distance", "prob", "inlier", "cam_empty", "instance", "confidence",
]  # fmt: skip


LOOKED_UP = 1024
"""Candidates that are looked up together: a mask costs far more where the masks of one image are read alone."""


def neighbours_among(segments: ClassSegments) -> Neighbours:
    """Tells which candidates show the same object as given ones; each is looked up once."""
    known: dict[int, Int[np.ndarray, " n"]] = {}

    def neighbours(chosen: Int[np.ndarray, " m"]) -> list[Int[np.ndarray, " n"]]:
        new = [at for at in np.unique(chosen).tolist() if at not in known]
        for start in range(0, len(new), LOOKED_UP):
            known.update(_look_up(segments, np.array(new[start : start + LOOKED_UP])))
        return [known[at] for at in chosen.tolist()]

    return neighbours


def _look_up(segments: ClassSegments, chosen: Int[np.ndarray, " m"]) -> Iterator[tuple[int, Int[np.ndarray, " n"]]]:
    """Each of the candidates ``chosen``, and those of its image that show the same object."""
    images, bounds = segments.candidates.image[chosen], segments.bounds
    of_images = [np.arange(bounds[image], bounds[image + 1]) for image in images.tolist()]
    rles = iter(segments.masks(np.concatenate(of_images)))
    for at, candidates in zip(chosen.tolist(), of_images, strict=True):
        own = list(islice(rles, len(candidates)))
        yield at, candidates[same_object(own[at - candidates[0]], own)]


def chosen_rows(segments: ClassSegments, choice: Choice, neighbours: Neighbours) -> pd.DataFrame:
    """A row of `COLUMNS` per image: the segment chosen."""
    return rows_of(segments, choice, choice.index, neighbours).assign(inlier=choice.inlier)


def further_rows(
    segments: ClassSegments, choice: Choice, neighbours: Neighbours, settings: ForegroundsSettings
) -> pd.DataFrame:
    """Further instances: segments at most as far from the class as a quantile of its inliers, hardly overlapping.

    They must be as probable as all of the pool, and be eligible.
    """
    limit = np.quantile(choice.distances[choice.index[choice.inlier]], settings.instance_quantile)
    likely = np.isfinite(choice.costs) & (choice.distances <= limit) & (segments.probs >= settings.min_prob)
    bounds = segments.bounds
    found: list[tuple[int, int]] = []
    for number, chosen in enumerate(choice.index.tolist() if settings.max_instances > 1 else ()):
        others = bounds[number] + np.flatnonzero(likely[bounds[number] : bounds[number + 1]])
        others = others[others != chosen]
        if len(others):
            taken, *rles = segments.masks(np.array([chosen, *others]))
            picked = pick_further(
                taken, rles, choice.costs[others], settings.instance_overlap, settings.max_instances - 1
            )
            found += [(int(others[at]), instance) for instance, at in enumerate(picked.tolist(), start=1)]
    at, instance = np.array(found, int).reshape(-1, 2).T
    return rows_of(segments, choice, at, neighbours).assign(instance=instance)


def rows_of(segments: ClassSegments, choice: Choice, at: Int[np.ndarray, " m"], neighbours: Neighbours) -> pd.DataFrame:
    """The candidates ``at`` as rows of `COLUMNS`, no inliers, as first instances."""
    images = segments.cams.iloc[segments.candidates.image[at]]
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "class_id": images["class_id"].to_numpy(),
            "segment_id": segments.ids(at).astype(int),
            "distance": choice.distances[at],
            "prob": segments.probs[at],
            "inlier": np.zeros(len(at), bool),
            "cam_empty": images["cam_empty"].to_numpy(),
            "instance": np.zeros(len(at), int),
            "confidence": confidences(choice.costs, segments.candidates.image, at, neighbours),
        }
    )
