"""Every class of every image of a data set located: the rows of the table of CAMs, and their heat maps."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float16
from tqdm import tqdm

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification.cam import ClassMap, locate_classes
from empaste.classification.cam_settings import CamSettings
from empaste.errors import InputError
from empaste.images import read_rgb


def locate_data_set(
    classifier: TrainedClassifier, paths: Mapping[int, Path], labels: pd.DataFrame, settings: CamSettings
) -> tuple[pd.DataFrame, Float16[np.ndarray, "n gh gw"]]:
    """Rows of `schemas.cams.Cams` and a heat map for each: the images in the order of ``paths``, by id.

    The classes of an image, all known to the classifier, are in the order of ``labels``; an image without any is left
    out. `InputError` where a heat map is not finite.
    """
    shown = labels.groupby("image_id")["class_id"].agg(list).to_dict()
    image_ids = [image_id for image_id in paths if image_id in shown]
    rows, heatmaps = [], []
    for start in tqdm(range(0, len(image_ids), settings.batch_size), "cams", unit="batch"):
        batch = {image_id: shown[image_id] for image_id in image_ids[start : start + settings.batch_size]}
        for row, heatmap in _locate(classifier, [paths[image_id] for image_id in batch], batch, settings):
            rows.append(row)
            heatmaps.append(heatmap)
    grid_hw = heatmaps[0].shape if heatmaps else (1, 1)
    return pd.DataFrame(rows), np.array(heatmaps, np.float16).reshape(len(rows), *grid_hw)


def _locate(
    classifier: TrainedClassifier, paths: Sequence[Path], batch: Mapping[int, Sequence[int]], settings: CamSettings
) -> Iterator[tuple[dict[str, Any], Float[np.ndarray, "gh gw"]]]:
    """The table's row and the heat map of every (image, class) of a batch of images, whose classes are by id."""
    with ThreadPoolExecutor() as pool:
        pixels = list(pool.map(read_rgb, paths))
    columns = [[classifier.class_ids.index(class_id) for class_id in ids] for ids in batch.values()]
    found = locate_classes(classifier, pixels, columns, settings)
    for (image_id, class_ids), maps in zip(batch.items(), found, strict=True):
        for class_id, class_map in zip(class_ids, maps, strict=True):
            yield _row(image_id, class_id, class_map), class_map.heatmap


def _row(image_id: int, class_id: int, class_map: ClassMap) -> dict[str, Any]:
    if not (np.isfinite(class_map.prob) and np.isfinite(class_map.heatmap).all()):
        raise InputError(
            f"the heat map of class {class_id} in the image {image_id} is not finite; the classifier's weights "
            "hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate"
        )
    x, y = class_map.centre_xy or (np.nan, np.nan)
    return {
        "image_id": image_id,
        "class_id": class_id,
        "prob": class_map.prob,
        "centre_x": x,
        "centre_y": y,
        "cam_empty": class_map.centre_xy is None,
    }
