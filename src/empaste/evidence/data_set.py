"""The evidence of a whole data set: the segments of every image, judged for every class that the image shows.

It is kept part by part, so that a later run goes on.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8
from tqdm import tqdm

from empaste.artifacts.classifier import TrainedClassifier, classify_groups
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.segments import decode_segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work_parts import finish_parts
from empaste.batches import map_ahead
from empaste.errors import InputError
from empaste.evidence.judging import Shown, judge_image, show_image
from empaste.evidence.settings import EvidenceSettings, EvidenceWeights
from empaste.images import read_rgb

AHEAD = 4
"""Images that threads make ready while the classifier is at work; one of VOC's is some 25 MB of squares."""
COLUMNS = list(Evidence.to_schema().columns)


def judge_data_set(
    classifier: TrainedClassifier,
    segments: pd.DataFrame,
    paths: Mapping[int, Path],
    cams: pd.DataFrame,
    heatmaps: Float[np.ndarray, "n gh gw"],
    settings: EvidenceSettings,
    work: Path,
) -> pd.DataFrame:
    """Rows of `schemas.evidence.Evidence`, images in the order of ``segments``, each as `judge_image` has them.

    ``paths`` are those of the images by id; ``heatmaps`` are aligned with ``cams``. Parts that stand in ``work`` are
    not made again. `InputError` where an image does not fit its segments, or an answer of the classifier is not finite.
    """
    maps: dict[int, dict[int, Float[np.ndarray, "gh gw"]]] = {}
    for image_id, class_id, heatmap in zip(cams["image_id"], cams["class_id"], heatmaps, strict=True):
        maps.setdefault(image_id, {})[class_id] = heatmap
    wanted = segments[segments["image_id"].isin(list(maps))]
    per_image = wanted.groupby("image_id")

    def judge(image_ids: Sequence[int]) -> Iterator[pd.DataFrame]:
        given = ((paths[image_id], per_image.get_group(image_id), maps[image_id]) for image_id in image_ids)
        show = partial(_show, side=classifier.image_size, settings=settings)
        answered = _answered(classifier, map_ahead(show, given, AHEAD), settings.batch_size)
        for one, answers in tqdm(answered, "evidence", len(image_ids), unit="image"):
            yield _judge(one, answers, classifier.class_ids, settings.weights)

    parts = finish_parts(work, "evidence", wanted["image_id"].unique().tolist(), judge, _write_part)
    return pd.concat([read_from(part, Evidence) for part in parts]) if parts else pd.DataFrame(columns=COLUMNS)


def _write_part(folder: Path, judged: Sequence[pd.DataFrame]) -> None:
    write_into(folder, pd.concat(judged), Evidence)


class _Shown(NamedTuple):
    """An image ready to be judged, and where it and its segments are from."""

    path: Path
    rows: pd.DataFrame
    shown: Shown


def _show(
    given: tuple[Path, pd.DataFrame, Mapping[int, Float[np.ndarray, "gh gw"]]], side: int, settings: EvidenceSettings
) -> _Shown:
    """The image at a path, its segments and its heat maps, made ready."""
    path, rows, maps = given
    image = read_rgb(path)
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    return _Shown(path, rows, show_image(image, masks, rows["score"].to_numpy(), maps, side, settings))


def _answered(
    classifier: TrainedClassifier, every: Iterable[_Shown], batch_size: int
) -> Iterator[tuple[_Shown, list[Float[np.ndarray, "m c"]]]]:
    """Every image with the classifier's answers to its squares, by fill."""
    asked: deque[_Shown] = deque()

    def squares() -> Iterator[UInt8[np.ndarray, "m side side 3"]]:
        for one in every:
            asked.append(one)
            yield from one.shown.squares

    answers = classify_groups(classifier, squares(), batch_size)
    for first in answers:
        one = asked.popleft()
        yield one, [first, *islice(answers, len(one.shown.squares) - 1)]


def _judge(
    one: _Shown, answers: Sequence[Float[np.ndarray, "m c"]], class_ids: Sequence[int], weights: EvidenceWeights
) -> pd.DataFrame:
    """The rows of one image."""
    table = judge_image(one.shown, answers, class_ids, weights)
    ids = one.rows["segment_id"].tolist() * len(one.shown.terms)
    finite = np.isfinite(table[["insertion", "deletion"]].to_numpy()).all(axis=1)
    broken = np.flatnonzero(table["judged"].to_numpy() & ~finite)
    if broken.size:
        raise InputError(
            f"the classifier's answer to segment {ids[broken[0]]} of {one.path} is not finite; "
            "run: dvc repro classifier"
        )
    return table.assign(image_id=int(one.rows["image_id"].iloc[0]), segment_id=ids)[COLUMNS]
