"""F-EM on tables: segments, class activation maps and features in, the chosen foregrounds of every iteration out.

One foreground per (image, class), as in the paper, unless the pool is to hold further instances; a (image, class)
without any segment has none.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from empaste.artifacts.segments import read_runs, segment_rles
from empaste.errors import InputError
from empaste.foregrounds.confidence import Neighbours, confidences
from empaste.foregrounds.em import (
    BLOCK,
    Candidates,
    Choice,
    Metric,
    Reader,
    alternate,
    choose_again,
    embed,
    fit_embedding,
    fit_metric,
    measure_everything,
)
from empaste.foregrounds.initial import INITIAL, mean_distances, rank_within
from empaste.foregrounds.overlaps import pick_further, same_object
from empaste.rle import RLE

COLUMNS = [
    "image_id", "class_id", "segment_id", "distance", "prob", "inlier", "cam_empty", "instance", "confidence",
]  # fmt: skip


class Further(NamedTuple):
    """Further instances: up to ``max_instances`` per (image, class), of segments no farther than ``quantile`` of the
    inliers, that share at most ``max_overlap`` of the smaller one with a better one."""

    max_instances: int
    quantile: float
    max_overlap: float
    min_prob: float


class _Rules(NamedTuple):
    """How choices are made, as `select_foregrounds` says."""

    initial: str
    num_nearest: int
    iterations: int
    keep_percent: Sequence[float]
    evidence_weight: float
    num_best: int
    further: Further


class _Measuring(NamedTuple):
    """How distances are measured: what reads features, the metric, what a relative distance takes off each row."""

    read: Reader
    metric: Metric
    background: Float[np.ndarray, " n"]


class _Class(NamedTuple):
    """One class's images, in order, and the segments of these, by image, with its probability."""

    cams: pd.DataFrame
    candidates: Candidates
    probs: Float[np.ndarray, " n"]


class _Segments(NamedTuple):
    """The table of segments, and which of its rows belong to which image: ``order[start:stop]`` of its place."""

    table: pd.DataFrame
    image_ids: Int[np.ndarray, " images"]
    order: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " images"]
    stop: Int[np.ndarray, " images"]


def select_foregrounds(
    segments: pd.DataFrame,
    cams: pd.DataFrame,
    phi: Float[np.ndarray, "n d"],
    probs: Float[np.ndarray, "n classes"],
    class_ids: Sequence[int],
    evidence: pd.DataFrame | None = None,
    *,
    initial: str,
    num_nearest: int,
    iterations: int,
    keep_percent: float | Sequence[float],
    distance: str,
    covariance: str,
    shrinkage: float,
    components: float,
    normalise: bool,
    evidence_weight: float,
    num_best: int,
    max_components: int,
    max_instances: int,
    instance_quantile: float,
    instance_overlap: float,
    min_prob: float,
) -> dict[str, pd.DataFrame]:
    """The tables ``iter_0`` (Step 1) … ``iter_J`` and ``pool``, in order, each by (image, class, instance).

    ``phi`` and ``probs`` are aligned with ``segments``, the columns of ``probs`` with ``class_ids``. Only classes that
    ``cams`` names for an image are looked for in it. ``evidence`` (rows of `schemas.Evidence`) may be None where
    neither Step 1 nor the E-step asks for it; where they do, the E-step chooses among the judged segments, of these
    among the ``num_best`` (0: all). ``pool`` is the last choice and, with ``max_instances`` over 1, further instances,
    without those under ``min_prob``.

    `InputError` where features or probabilities are not finite, or evidence is missing.
    """
    _refuse_infinite(phi, segments, "features")
    _refuse_infinite(probs, segments, "class probabilities")
    percents = list(keep_percent) if isinstance(keep_percent, Sequence) else [keep_percent]
    further = Further(max_instances, instance_quantile, instance_overlap, min_prob)
    rules = _Rules(initial, num_nearest, iterations, percents, evidence_weight, num_best, further)
    names = [*(f"iter_{step}" for step in range(iterations + 1)), "pool"]
    by_image = _index(segments)
    wanted = cams[cams["image_id"].isin(by_image.image_ids)].sort_values(["class_id", "image_id"])
    if wanted.empty:
        return {name: pd.DataFrame(columns=COLUMNS) for name in names}
    projection = components if covariance == "pca_ledoit_wolf" else None
    measuring = _measuring(phi, distance, covariance, shrinkage, projection, normalise, max_components)
    judged = _evidence_by_class(evidence, rules)
    per_class = []
    for class_id in sorted(set(wanted["class_id"])):
        class_cams = wanted[wanted["class_id"] == class_id]
        one = _gather(class_cams, by_image, probs[:, list(class_ids).index(class_id)])
        if judged is not None:
            one = _judge(one, by_image, judged.get(class_id), num_best)
        per_class.append(_select_class(one, by_image, measuring, rules))
    return {name: _in_order(parts) for name, parts in zip(names, zip(*per_class, strict=True), strict=True)}


def asks_for_evidence(initial: str, evidence_weight: float, num_best: int) -> bool:
    """Whether Step 1 or the E-step looks at what the image itself says of its segments."""
    return initial == "evidence" or evidence_weight > 0 or num_best > 0


def overlapping_segments(segments: pd.DataFrame) -> float:
    """The number of segments over the average pixel of an image that has segments; 0 without any."""
    if segments.empty:
        return 0.0
    share = segments["area"] / (segments["height"] * segments["width"])
    return float(share.groupby(segments["image_id"]).sum().mean())


def misfit(segments: pd.DataFrame, initial: str, num_nearest: int) -> str | None:
    """Why Step 1 cannot work on such segments; None where it can.

    Where many segments lie over each other, the few nearest to a point are its smallest fragments.
    """
    overlapping = overlapping_segments(segments)
    if initial != "published" or overlapping <= num_nearest:
        return None
    return (
        f"{overlapping:.1f} segments lie over the average pixel, so the {num_nearest} nearest to the CAM's centre are "
        f"fragments of what lies there; set foregrounds.initial to evidence or crop, foregrounds.num_nearest to "
        f"{math.ceil(overlapping)} or more, or proposals.method to entity_like"
    )


def _refuse_infinite(array: Float[np.ndarray, "n d"], segments: pd.DataFrame, what: str) -> None:
    """`InputError` names the first segment of which a value is not finite."""
    for start in range(0, len(array), BLOCK):
        finite = np.isfinite(array[start : start + BLOCK]).all(axis=1)
        if not finite.all():
            row = segments.iloc[start + int(np.argmin(finite))]
            raise InputError(
                f"the {what} of segment {row['segment_id']} of image {row['image_id']} are not finite; look at the "
                "image and at metrics/classifier.json, then run: dvc repro -f features"
            )


def _index(segments: pd.DataFrame) -> _Segments:
    order = np.argsort(segments["image_id"].to_numpy(), kind="stable")
    image_ids, start = np.unique(segments["image_id"].to_numpy()[order], return_index=True)
    return _Segments(segments, image_ids, order, start, np.append(start[1:], len(order)))


def _measuring(
    phi: Float[np.ndarray, "n d"],
    distance: str,
    covariance: str,
    shrinkage: float,
    components: float | None,
    normalise: bool,
    max_components: int,
) -> _Measuring:
    embedding = fit_embedding(phi, distance, normalise, components)
    metric = fit_metric(phi, embedding, distance, covariance, shrinkage, max_components)
    return _Measuring(lambda rows: embed(phi[rows], embedding), metric, measure_everything(phi, embedding, metric))


def _gather(cams: pd.DataFrame, segments: _Segments, probs: Float[np.ndarray, " n"]) -> _Class:
    """One class's candidates, image after image in the order of ``cams``."""
    places = np.searchsorted(segments.image_ids, cams["image_id"])
    counts = segments.stop[places] - segments.start[places]
    image = np.repeat(np.arange(len(places)), counts)
    within = np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = segments.order[segments.start[places][image] + within]
    candidates = Candidates(rows, image, np.zeros(len(rows)), np.ones(len(rows), bool))
    return _Class(cams, candidates, np.asarray(probs[rows], float))


def _evidence_by_class(evidence: pd.DataFrame | None, rules: _Rules) -> dict[int, pd.DataFrame] | None:
    """The rows of every class; None where nothing asks for evidence."""
    if not asks_for_evidence(rules.initial, rules.evidence_weight, rules.num_best):
        return None
    if evidence is None:
        raise InputError(
            "foregrounds.initial, evidence_weight or num_best ask for evidence, and there is none; run: dvc repro "
            "evidence, or set them to published, 0 and 0"
        )
    return {class_id: evidence[evidence["class_id"] == class_id] for class_id in set(evidence["class_id"])}


def _judge(one: _Class, segments: _Segments, evidence: pd.DataFrame | None, num_best: int) -> _Class:
    """The class with what the evidence says of its candidates; where none of an image is judged, all are eligible."""
    segment_ids = segments.table["segment_id"].to_numpy()[one.candidates.rows]
    rows = pd.Index([] if evidence is None else evidence["segment_id"]).get_indexer(segment_ids)
    if evidence is None or (rows < 0).any():
        missing = segments.table.iloc[one.candidates.rows[int(np.argmin(rows))]]
        raise InputError(
            f"data/evidence says nothing of segment {missing['segment_id']} of image {missing['image_id']} for class "
            f"{one.cams['class_id'].iloc[0]}; run: dvc repro evidence"
        )
    scores = evidence["score"].to_numpy()[rows]
    image, judged = one.candidates.image, evidence["judged"].to_numpy()[rows]
    if num_best:
        judged = judged & (rank_within(np.where(judged, -scores, np.inf), image) < num_best)
    judged = judged | (np.bincount(image, judged) == 0)[image]
    return one._replace(candidates=replace(one.candidates, evidence=scores, eligible=judged))


def _select_class(one: _Class, segments: _Segments, measuring: _Measuring, rules: _Rules) -> list[pd.DataFrame]:
    """One class's choices after every iteration, and its part of the pool; images in order."""
    published = rules.initial == "published"
    pixels = _pixel_distances(one, segments) if published else np.full(len(one.probs), np.nan)
    costs = INITIAL[rules.initial](one.candidates, one.probs, pixels, rules.num_nearest)
    first = choose_again(costs, one.candidates.image)
    choices = alternate(
        one.candidates,
        first,
        measuring.read,
        measuring.background[one.candidates.rows],
        rules.iterations,
        rules.keep_percent,
        measuring.metric,
        rules.evidence_weight,
    )
    neighbours = _neighbours(one, segments)
    tables = [_choice_table(one, segments, choice, neighbours) for choice in choices]
    tables[0]["distance"] = pixels[first]
    pool = pd.concat([tables[-1], _further_table(one, segments, choices[-1], neighbours, rules.further)])
    return [*tables, pool[pool["prob"] >= rules.further.min_prob]]


def _pixel_distances(one: _Class, segments: _Segments) -> Float[np.ndarray, " n"]:
    """From every candidate's pixels to the centre of its image's map, on average; NaN where the map is empty."""
    pixels = np.full(len(one.probs), np.nan)
    bounds = _bounds(one)
    centres = zip(one.cams["centre_x"], one.cams["centre_y"], one.cams["cam_empty"], strict=True)
    for number, (x, y, empty) in enumerate(centres):
        if not empty:
            at = slice(bounds[number], bounds[number + 1])
            rows = segments.table[["counts", "height", "width"]].iloc[one.candidates.rows[at]]
            size_hw = int(rows["height"].iloc[0]), int(rows["width"].iloc[0])
            pixels[at] = mean_distances(read_runs(rows["counts"].tolist()), len(rows), size_hw, (x, y))
    return pixels


def _bounds(one: _Class) -> Int[np.ndarray, " images+1"]:
    """Where the candidates of each image begin, and where the last ones end."""
    return np.searchsorted(one.candidates.image, np.arange(len(one.cams) + 1))


def _masks(segments: _Segments, rows: Int[np.ndarray, " n"]) -> list[RLE]:
    return segment_rles(segments.table[["counts", "height", "width"]].iloc[rows])


def _neighbours(one: _Class, segments: _Segments) -> Neighbours:
    """Tells which candidates show the same object as a given one; each is looked up once."""
    bounds = _bounds(one)

    @cache
    def neighbours(at: int) -> Int[np.ndarray, " n"]:
        number = one.candidates.image[at]
        rles = _masks(segments, one.candidates.rows[bounds[number] : bounds[number + 1]])
        return bounds[number] + np.flatnonzero(same_object(rles[at - bounds[number]], rles))

    return neighbours


def _choice_table(one: _Class, segments: _Segments, choice: Choice, neighbours: Neighbours) -> pd.DataFrame:
    """A row per image."""
    return _rows(one, segments, choice, choice.index, neighbours).assign(inlier=choice.inlier)


def _further_table(
    one: _Class, segments: _Segments, choice: Choice, neighbours: Neighbours, further: Further
) -> pd.DataFrame:
    """Further instances: segments at most as far from the class as a quantile of its inliers, hardly overlapping.

    They must be as probable as all of the pool, and be eligible.
    """
    limit = np.quantile(choice.distances[choice.index[choice.inlier]], further.quantile)
    likely = np.isfinite(choice.costs) & (choice.distances <= limit) & (one.probs >= further.min_prob)
    bounds = _bounds(one)
    found: list[tuple[int, int]] = []
    for number, chosen in enumerate(choice.index.tolist() if further.max_instances > 1 else ()):
        others = bounds[number] + np.flatnonzero(likely[bounds[number] : bounds[number + 1]])
        others = others[others != chosen]
        if len(others):
            taken, *rles = _masks(segments, one.candidates.rows[[chosen, *others]])
            picked = pick_further(taken, rles, choice.costs[others], further.max_overlap, further.max_instances - 1)
            found += [(int(others[at]), instance) for instance, at in enumerate(picked.tolist(), start=1)]
    at, instance = np.array(found, int).reshape(-1, 2).T
    return _rows(one, segments, choice, at, neighbours).assign(instance=instance)


def _rows(
    one: _Class, segments: _Segments, choice: Choice, at: Int[np.ndarray, " m"], neighbours: Neighbours
) -> pd.DataFrame:
    """The candidates ``at`` as rows of `COLUMNS`, no inliers, as first instances."""
    images = one.cams.iloc[one.candidates.image[at]]
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "class_id": images["class_id"].to_numpy(),
            "segment_id": segments.table["segment_id"].to_numpy()[one.candidates.rows[at]],
            "distance": choice.distances[at],
            "prob": one.probs[at],
            "inlier": np.zeros(len(at), bool),
            "cam_empty": images["cam_empty"].to_numpy(),
            "instance": np.zeros(len(at), int),
            "confidence": confidences(choice.costs, one.candidates.image, at, neighbours),
        }
    )


def _in_order(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts).sort_values(["image_id", "class_id", "instance"]).reset_index(drop=True)
