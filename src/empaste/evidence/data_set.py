"""The evidence of a whole data set: the segments of every image, judged for every class that the image shows.

It is kept part by part, so that a later run goes on.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, UInt8

from empaste.artifacts.classifier import TrainedClassifier, classify_groups
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.segments import decode_segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work_parts import finish_parts
from empaste.batches import map_ahead
from empaste.errors import InputError
from empaste.evidence.in_place import insert_and_delete
from empaste.evidence.judging import Shown, judge_image, show_image
from empaste.evidence.reranking import choose_best, estimate, look_again
from empaste.evidence.settings import EvidenceSettings, EvidenceWeights
from empaste.images import read_rgb
from empaste.on_demand import OnDemand

AHEAD = 4
"""Images that threads make ready while the classifier is at work; one of VOC's is some 25 MB of squares."""
Asked = TypeVar("Asked")
COLUMNS = list(Evidence.to_schema().columns)


class Wanted(NamedTuple):
    """An image's file, the rows of its segments, and the heat map of every class that it shows, by id."""

    path: Path
    rows: pd.DataFrame
    maps: Mapping[int, Float[np.ndarray, "gh gw"]]


StreamImages = Callable[
    [Callable[[Sequence[Wanted]], Iterator[pd.DataFrame]], Sequence[Wanted]], Iterable[pd.DataFrame]
]
"""Runs a pure function from images to a result for each, perhaps on several machines; in order."""


def judge_data_set(
    classifier: Callable[[], TrainedClassifier],
    segments: pd.DataFrame,
    paths: Mapping[int, Path],
    cams: pd.DataFrame,
    heatmaps: Float[np.ndarray, "n gh gw"],
    settings: EvidenceSettings,
    stream_images: StreamImages,
    work: Path,
) -> pd.DataFrame:
    """Rows of `schemas.evidence.Evidence`, images in the order of ``segments``, each as `judge_image` has them.

    ``paths`` are those of the images by id; ``heatmaps`` are aligned with ``cams``; ``classifier`` gives the one of the
    process that calls it. Parts that stand in ``work`` are not made again. `InputError` where an image does not fit its
    segments, or an answer of the classifier is not finite.
    """
    maps: dict[int, dict[int, Float[np.ndarray, "gh gw"]]] = {}
    for image_id, class_id, heatmap in zip(cams["image_id"], cams["class_id"], heatmaps, strict=True):
        maps.setdefault(image_id, {})[class_id] = heatmap
    wanted = segments[segments["image_id"].isin(list(maps))]
    per_image = wanted.groupby("image_id")

    def gather(image_id: int) -> Wanted:
        return Wanted(paths[image_id], per_image.get_group(image_id), maps[image_id])

    def judge(image_ids: Sequence[int]) -> Iterable[pd.DataFrame]:
        return stream_images(partial(_judge_each, classifier, settings), OnDemand(gather, image_ids))

    parts = finish_parts(work, "evidence", wanted["image_id"].unique().tolist(), judge, _write_part)
    return pd.concat([read_from(part, Evidence) for part in parts]) if parts else pd.DataFrame(columns=COLUMNS)


def _write_part(folder: Path, judged: Sequence[pd.DataFrame]) -> None:
    write_into(folder, pd.concat(judged), Evidence)


class _Ready(NamedTuple):
    """An image made ready, and where it and its segments are from."""

    path: Path
    rows: pd.DataFrame
    shown: Shown


class _Shortlisted(NamedTuple):
    """An image after the first look: the answers to that, and the best segments, made ready for the second."""

    image: _Ready
    first: Float[np.ndarray, "m c"]
    places: Int[np.ndarray, " b"]
    squares: list[UInt8[np.ndarray, "_ side side 3"]]


def _judge_each(
    classifier: Callable[[], TrainedClassifier], settings: EvidenceSettings, wanted: Sequence[Wanted]
) -> Iterator[pd.DataFrame]:
    """The rows of each image; the next ones are made ready meanwhile."""
    network = classifier()
    show = partial(_show, side=network.image_size, settings=settings)
    looked = _answered(network, map_ahead(show, wanted, AHEAD), lambda one: one.shown.squares, settings.batch_size)
    if settings.num_reranked:
        again = (_look_again(one, first, network.class_ids, settings) for one, (first,) in looked)
        for best, answers in _answered(network, again, lambda best: best.squares, settings.batch_size):
            found = estimate(best.first, answers, best.places)
            yield _judge(best.image, found, network.class_ids, settings.weights)
    else:
        for one, answers in looked:
            yield _judge(one, insert_and_delete(answers), network.class_ids, settings.weights)


def _show(wanted: Wanted, side: int, settings: EvidenceSettings) -> _Ready:
    """The image, its segments and its heat maps, made ready."""
    path, rows, maps = wanted
    image = read_rgb(path)
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    return _Ready(path, rows, show_image(image, masks, rows["score"].to_numpy(), maps, side, settings))


def _look_again(
    one: _Ready, first: Float[np.ndarray, "m c"], class_ids: Sequence[int], settings: EvidenceSettings
) -> _Shortlisted:
    """The best segments of an image, by the answers to the first look."""
    terms, judged, _, scene = one.shown
    assert scene is not None
    best = choose_best(first, terms, judged, class_ids, settings.weights, settings.num_reranked)
    return _Shortlisted(one, first, best, look_again(scene, best, settings.fills))


def _answered(
    classifier: TrainedClassifier,
    every: Iterable[Asked],
    squares_of: Callable[[Asked], Sequence[UInt8[np.ndarray, "_ side side 3"]]],
    batch_size: int,
) -> Iterator[tuple[Asked, list[Float[np.ndarray, "_ c"]]]]:
    """Every image with the classifier's answers to each of its groups of squares, of which there is at least one."""
    asked: deque[Asked] = deque()

    def squares() -> Iterator[UInt8[np.ndarray, "m side side 3"]]:
        for one in every:
            asked.append(one)
            yield from squares_of(one)

    answers = classify_groups(classifier, squares(), batch_size)
    for first in answers:
        one = asked.popleft()
        yield one, [first, *islice(answers, len(squares_of(one)) - 1)]


def _judge(
    one: _Ready,
    found: tuple[Float[np.ndarray, "k c"], Float[np.ndarray, "k c"]],
    class_ids: Sequence[int],
    weights: EvidenceWeights,
) -> pd.DataFrame:
    """The rows of one image."""
    table = judge_image(one.shown, found, class_ids, weights)
    ids = one.rows["segment_id"].tolist() * len(one.shown.terms)
    finite = np.isfinite(table[["insertion", "deletion"]].to_numpy()).all(axis=1)
    broken = np.flatnonzero(table["judged"].to_numpy() & ~finite)
    if broken.size:
        raise InputError(
            f"the classifier's answer to segment {ids[broken[0]]} of {one.path} is not finite; "
            "run: dvc repro classifier"
        )
    return table.assign(image_id=int(one.rows["image_id"].iloc[0]), segment_id=ids)[COLUMNS]
