"""Every class of every image of a data set located: the rows of the table of CAMs, and their heat maps."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Float16

from empaste.artifacts.arrays import read_array, write_array
from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.work_parts import finish_parts, whole_batches
from empaste.batches import map_ahead
from empaste.classification.cam import ClassMap, locate_classes
from empaste.classification.cam_settings import CamSettings
from empaste.classification.localiser import Localiser
from empaste.classification.walked import contours_for, walk_maps
from empaste.errors import InputError
from empaste.images import RGB, read_rgb

HEATMAPS = "heatmaps.npy"
ROWS = "rows.json"
"""Of a part of unfinished work."""
Shown = tuple[Path, int, Sequence[int]]
"""An image's file, its id, and the ids of the classes that it shows."""
GetClassifier = Callable[[], TrainedClassifier]
GetLocaliser = Callable[[], Localiser | None]
"""Give the classifier, and the localiser if there is one, of the process that calls them."""


class Located(NamedTuple):
    """One class of one image: its row of the table of CAMs, and its heat map."""

    row: dict[str, Any]
    heatmap: Float[np.ndarray, "gh gw"]


StreamImages = Callable[
    [Callable[[Sequence[Shown]], Iterator[list[Located]]], Sequence[Shown]], Iterable[list[Located]]
]
"""Runs a pure function from images to a result for each, perhaps on several machines, on whole batches; in order."""


def locate_data_set(
    classifier: GetClassifier,
    localiser: GetLocaliser,
    paths: Mapping[int, Path],
    labels: pd.DataFrame,
    settings: CamSettings,
    stream_images: StreamImages,
    work: Path,
) -> tuple[pd.DataFrame, Float16[np.ndarray, "n gh gw"]]:
    """Rows of `schemas.cams.Cams` and a heat map for each: the images in the order of ``paths``, by id.

    The classes of an image, all known to the classifier, are in the order of ``labels``; an image without any is left
    out. Parts that stand in ``work`` are not made again. `InputError` where a heat map is not finite.
    """
    shown = labels.groupby("image_id")["class_id"].agg(list).to_dict()
    images = [(path, image_id, shown[image_id]) for image_id, path in paths.items() if image_id in shown]
    locate = partial(stream_images, partial(_locate, classifier, localiser, settings))
    parts = finish_parts(work, "cams", images, locate, _write_part, whole_batches(settings.batch_size))
    if not parts:
        return pd.DataFrame(columns=list(Cams.to_schema().columns)), np.zeros((0, 1, 1), np.float16)
    rows, heatmaps = zip(*map(_read_part, parts), strict=True)
    return pd.concat(rows, ignore_index=True), np.concatenate(heatmaps)


def _write_part(folder: Path, located: Sequence[Sequence[Located]]) -> None:
    every = [one for several in located for one in several]
    # No table: to check one takes as long as a small network takes for ten images.
    write_whole(folder / ROWS, json.dumps([one.row for one in every]).encode())
    write_array(folder / HEATMAPS, np.array([one.heatmap for one in every], np.float16))


def _read_part(folder: Path) -> tuple[pd.DataFrame, Float16[np.ndarray, "n gh gw"]]:
    rows = pd.DataFrame(json.loads((folder / ROWS).read_bytes()))
    return rows, read_array(folder / HEATMAPS, len(rows), str(folder), "cams")


def _locate(
    classifier: GetClassifier, localiser: GetLocaliser, settings: CamSettings, images: Sequence[Shown]
) -> Iterator[list[Located]]:
    """What each of ``images`` shows, in batches; the files of the next one are read meanwhile."""
    network, layer = classifier(), localiser()
    read = map_ahead(read_rgb, (path for path, _, _ in images), settings.batch_size)
    for start in range(0, len(images), settings.batch_size):
        batch = images[start : start + settings.batch_size]
        yield from _locate_batch(network, layer, settings, batch, list(islice(read, len(batch))))


def _locate_batch(
    classifier: TrainedClassifier,
    localiser: Localiser | None,
    settings: CamSettings,
    images: Sequence[Shown],
    pixels: Sequence[RGB],
) -> Iterator[list[Located]]:
    columns = [[classifier.class_ids.index(class_id) for class_id in class_ids] for _, _, class_ids in images]
    found = locate_classes(classifier, pixels, columns, settings, localiser)
    for (path, image_id, class_ids), image, maps in zip(images, pixels, found, strict=True):
        for class_id, one in zip(class_ids, maps, strict=True):
            _check_finite(image_id, class_id, one)
        if settings.follow_edges:
            contours = contours_for(image, path, settings)
            maps = walk_maps(maps, image, contours, settings)
        yield [
            Located(_row(image_id, class_id, class_map), class_map.heatmap)
            for class_id, class_map in zip(class_ids, maps, strict=True)
        ]


def _check_finite(image_id: int, class_id: int, class_map: ClassMap) -> None:
    if not (np.isfinite(class_map.prob) and np.isfinite(class_map.heatmap).all()):
        raise InputError(
            f"the heat map of class {class_id} in the image {image_id} is not finite; the classifier's weights "
            "hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate"
        )


def _row(image_id: int, class_id: int, class_map: ClassMap) -> dict[str, Any]:
    x, y = class_map.centre_xy or (np.nan, np.nan)
    return {
        "image_id": image_id,
        "class_id": class_id,
        "prob": class_map.prob,
        "centre_x": x,
        "centre_y": y,
        "cam_empty": class_map.centre_xy is None,
    }
