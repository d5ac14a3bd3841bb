"""Step 1: which segment of an image is taken for a class before anything is known of the class (EM-Paste §3.1).

- ``published``: of the ``n`` segments with the smallest mean pixel distance to the centre ``c`` of the class activation
  map, the one with the highest class probability; of all, where the map is empty.
- ``crop``: of all segments the one with the highest class probability.
- ``evidence``: of all judged segments the one with the best evidence in place.

A rule gives every candidate a cost, the smallest of which is chosen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from empaste.artifacts.segments import Runs
from empaste.foregrounds.em import Candidates
from empaste.foregrounds.settings import ForegroundsSettings

Rule = Callable[[Candidates, Float[np.ndarray, " n"], Float[np.ndarray, " n"], int], Float[np.ndarray, " n"]]


def mean_distances(
    runs: Runs, num_masks: int, size_hw: tuple[int, int], centre_xy: tuple[float, float]
) -> Float[np.ndarray, " n"]:
    """The mean Euclidean distance of each mask's pixels to ``centre_xy``, in pixels; infinite for an empty mask.

    One map of distances, summed up down the columns: a run's sum is a difference of two of its values. Rounded to a
    millionth of a pixel, so that equal distances stay equal.
    """
    height, width = size_hw
    x, y = centre_xy
    to_centre = np.sqrt(np.square(np.arange(width) - x)[:, None] + np.square(np.arange(height) - y))
    sums = np.concatenate([[0.0], np.cumsum(to_centre)])
    totals = np.bincount(runs.owner, sums[runs.stop] - sums[runs.start], minlength=num_masks)
    areas = np.bincount(runs.owner, runs.stop - runs.start, minlength=num_masks)
    return np.where(areas > 0, np.round(totals / np.maximum(areas, 1), 6), np.inf)


def prefer_published(
    candidates: Candidates,
    probs: Float[np.ndarray, " n"],
    pixels: Float[np.ndarray, " n"],
    num_nearest: int,
) -> Float[np.ndarray, " n"]:
    """The paper's rule; ``pixels`` from the centre of the map, NaN where it is empty. Ties go to the lower index."""
    near = np.isnan(pixels) | (rank_within(pixels, candidates.image) < num_nearest)
    return np.where(near, -probs, np.inf)


def prefer_crop(
    _candidates: Candidates,
    probs: Float[np.ndarray, " n"],
    _pixels: Float[np.ndarray, " n"],
    _num_nearest: int,
) -> Float[np.ndarray, " n"]:
    """The classifier alone."""
    return -probs


def prefer_evidence(
    candidates: Candidates,
    _probs: Float[np.ndarray, " n"],
    _pixels: Float[np.ndarray, " n"],
    _num_nearest: int,
) -> Float[np.ndarray, " n"]:
    """What the image itself says of the segments in their places."""
    return np.where(candidates.eligible, -candidates.evidence, np.inf)


def rank_within(values: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """The place of each value among those of its group, from 0, smallest first; ties by index, NaN last."""
    order = np.lexsort((np.arange(len(values)), values, group))
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    ranks = np.empty(len(values), int)
    ranks[order] = np.arange(len(values)) - np.repeat(begins, np.diff(np.append(begins, len(values))))
    return ranks


@dataclass(frozen=True)
class Initial:
    """A rule of Step 1, and what it looks at beside the probabilities: the distances of pixels, the evidence."""

    prefer: Rule
    by_pixels: bool = False
    by_evidence: bool = False


INITIAL: dict[str, Initial] = {
    "published": Initial(prefer_published, by_pixels=True),
    "crop": Initial(prefer_crop),
    "evidence": Initial(prefer_evidence, by_evidence=True),
}
"""A new rule is one function, one record here and its name in `settings`."""


def overlapping_segments(segments: pd.DataFrame) -> float:
    """The number of segments over the average pixel of an image that has segments; 0 without any."""
    if segments.empty:
        return 0.0
    share = segments["area"] / (segments["height"] * segments["width"])
    return float(share.groupby(segments["image_id"]).sum().mean())


def misfit(segments: pd.DataFrame, settings: ForegroundsSettings) -> str | None:
    """Why Step 1 cannot work on such segments; None where it can.

    Where many segments lie over each other, the few nearest to a point are its smallest fragments.
    """
    overlapping = overlapping_segments(segments)
    if not INITIAL[settings.initial].by_pixels or overlapping <= settings.num_nearest:
        return None
    return (
        f"{overlapping:.1f} segments lie over the average pixel, so the {settings.num_nearest} nearest to the CAM's "
        f"centre are fragments of what lies there; set foregrounds.initial to evidence or crop, "
        f"foregrounds.num_nearest to {math.ceil(overlapping)} or more, or proposals.method to entity_like"
    )
