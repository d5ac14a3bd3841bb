"""The evidence of a whole data set: the segments of every image, judged for every class that the image shows.

It is kept part by part, so that a later run goes on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.segments import decode_segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work_parts import finish_parts
from empaste.errors import InputError
from empaste.evidence.judging import judge_image
from empaste.evidence.settings import EvidenceSettings
from empaste.images import read_rgb
from empaste.on_demand import OnDemand

COLUMNS = list(Evidence.to_schema().columns)


class Wanted(NamedTuple):
    """An image's file, the rows of its segments, and the heat map of every class that it shows, by id."""

    path: Path
    rows: pd.DataFrame
    maps: Mapping[int, Float[np.ndarray, "gh gw"]]


MapImages = Callable[[Callable[[Wanted], pd.DataFrame], Sequence[Wanted]], Iterable[pd.DataFrame]]
"""Maps a pure function over images, perhaps on other machines; in order."""


def judge_data_set(
    classifier: Callable[[], TrainedClassifier],
    segments: pd.DataFrame,
    paths: Mapping[int, Path],
    cams: pd.DataFrame,
    heatmaps: Float[np.ndarray, "n gh gw"],
    settings: EvidenceSettings,
    map_images: MapImages,
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
        return map_images(partial(_judge, classifier, settings), OnDemand(gather, image_ids))

    parts = finish_parts(work, "evidence", wanted["image_id"].unique().tolist(), judge, _write_part)
    return pd.concat([read_from(part, Evidence) for part in parts]) if parts else pd.DataFrame(columns=COLUMNS)


def _write_part(folder: Path, judged: Sequence[pd.DataFrame]) -> None:
    write_into(folder, pd.concat(judged), Evidence)


def _judge(classifier: Callable[[], TrainedClassifier], settings: EvidenceSettings, wanted: Wanted) -> pd.DataFrame:
    """The rows of one image."""
    path, rows, maps = wanted
    image = read_rgb(path)
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    table = judge_image(classifier(), image, masks, rows["score"].to_numpy(), maps, settings)
    ids = rows["segment_id"].tolist() * len(maps)
    finite = np.isfinite(table[["insertion", "deletion"]].to_numpy()).all(axis=1)
    broken = np.flatnonzero(table["judged"].to_numpy() & ~finite)
    if broken.size:
        raise InputError(
            f"the classifier's answer to segment {ids[broken[0]]} of {path} is not finite; run: dvc repro classifier"
        )
    return table.assign(image_id=int(rows["image_id"].iloc[0]), segment_id=ids)[COLUMNS]
