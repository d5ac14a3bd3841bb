"""F-EM on tables: segments, class activation maps and features in, the chosen foregrounds of every iteration out.

One foreground per (image, class), as in the paper; a (image, class) without any segment has none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.segments import segment_rles
from empaste.foregrounds.em import Choice, Metric, alternate, choose_first, embed, fit_metric, mean_distances
from empaste.masks import decode_masks

COLUMNS = ["image_id", "class_id", "segment_id", "distance", "prob", "inlier", "cam_empty"]


def select_foregrounds(
    segments: pd.DataFrame,
    cams: pd.DataFrame,
    phi: Float[np.ndarray, "n d"],
    probs: Float[np.ndarray, "n classes"],
    class_ids: Sequence[int],
    num_nearest: int,
    iterations: int,
    keep_percent: float,
    distance: str,
    covariance: str,
    shrinkage: float,
    normalise: bool,
    min_prob: float,
) -> dict[str, pd.DataFrame]:
    """The tables ``iter_0`` (Step 1) … ``iter_J`` and ``pool``, in order, each by (image, class).

    ``phi`` and ``probs`` are aligned with ``segments``, the columns of ``probs`` with ``class_ids``. Only classes that
    ``cams`` names for an image are looked for in it. ``pool`` is the last choice without those under ``min_prob``.
    """
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    initial = choose_initially(segments, cams, probs, column, num_nearest)
    features = embed(phi, distance, normalise)
    tables = [initial] * (iterations + 1)
    if len(initial):
        metric = fit_metric(features, distance, covariance, shrinkage)
        per_class = []
        for class_id in sorted(set(initial["class_id"])):
            class_probs = probs[:, column[class_id]]
            first = initial[initial["class_id"] == class_id]
            per_class.append(_iterate(first, segments, features, class_probs, iterations, keep_percent, metric))
        tables = [_in_order(parts) for parts in zip(*per_class, strict=True)]
    pool = tables[-1][tables[-1]["prob"] >= min_prob].reset_index(drop=True)
    return {f"iter_{step}": table for step, table in enumerate(tables)} | {"pool": pool}


def choose_initially(
    segments: pd.DataFrame,
    cams: pd.DataFrame,
    probs: Float[np.ndarray, "n classes"],
    column: Mapping[int, int],
    num_nearest: int,
) -> pd.DataFrame:
    """Step 1 for every (image, class) of ``cams`` that has a segment; ``inlier`` is not yet known and False."""
    segments_of = segments.groupby("image_id").indices
    rows: list[tuple[Any, ...]] = []
    for image_id, wanted in cams.groupby("image_id").indices.items():
        if image_id in segments_of:
            at = segments_of[image_id]
            rows += _choose_in_image(segments.iloc[at], cams.iloc[wanted], probs[at], column, num_nearest)
    return pd.DataFrame(rows, columns=COLUMNS)


def _choose_in_image(
    segments: pd.DataFrame,
    cams: pd.DataFrame,
    probs: Float[np.ndarray, "n classes"],
    column: Mapping[int, int],
    num_nearest: int,
) -> list[tuple[Any, ...]]:
    """Step 1 for the classes of one image: a row of `COLUMNS` each."""
    masks = decode_masks(segment_rles(segments))
    segment_ids = segments["segment_id"].tolist()
    rows: list[tuple[Any, ...]] = []
    for cam in cams.to_dict("records"):
        distances = None if cam["cam_empty"] else mean_distances(masks, (cam["centre_x"], cam["centre_y"]))
        class_probs = probs[:, column[cam["class_id"]]]
        best = choose_first(distances, class_probs, num_nearest)
        pixels = np.nan if distances is None else float(distances[best])
        prob = float(class_probs[best])
        rows.append((cam["image_id"], cam["class_id"], segment_ids[best], pixels, prob, False, cam["cam_empty"]))
    return rows


def _iterate(
    initial: pd.DataFrame,
    segments: pd.DataFrame,
    features: Float[np.ndarray, "n d"],
    probs: Float[np.ndarray, " n"],
    iterations: int,
    keep_percent: float,
    metric: Metric,
) -> list[pd.DataFrame]:
    """One class's choices after every iteration, images in order."""
    initial = initial.sort_values("image_id")
    row_of_segment = pd.Series(np.arange(len(segments)), index=segments["segment_id"])
    candidates = np.flatnonzero(segments["image_id"].isin(initial["image_id"]))
    image = np.searchsorted(initial["image_id"], segments["image_id"].to_numpy()[candidates])
    chosen = np.searchsorted(candidates, row_of_segment[initial["segment_id"]])
    first = Choice(chosen, initial["distance"].to_numpy(), np.zeros(len(chosen), bool))
    choices = alternate(features[candidates], image, first, iterations, keep_percent, metric)
    return [_choice_table(initial, segments, probs, candidates, choice) for choice in choices]


def _choice_table(
    initial: pd.DataFrame,
    segments: pd.DataFrame,
    probs: Float[np.ndarray, " n"],
    candidates: np.ndarray,
    choice: Choice,
) -> pd.DataFrame:
    at = candidates[choice.index]
    return initial.assign(
        segment_id=segments["segment_id"].to_numpy()[at],
        distance=choice.distance,
        prob=probs[at].astype(float),
        inlier=choice.inlier,
    )


def _in_order(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts).sort_values(["image_id", "class_id"]).reset_index(drop=True)
