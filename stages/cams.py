"""``data/cams`` holds the Grad-CAM and its centre for every class that a training image shows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from empaste.artifacts import arrays, tables
from empaste.artifacts.classifier import check_classes, load_classifier
from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.classification.cam import KEEP, ClassMap, locate_classes
from empaste.classification.cam_settings import CamSettings
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("cams")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    model: Path = HERE.classifier,
    out: Path = HERE.cams,
    params: Path = HERE.params,
) -> None:
    """Locate every class of every training image, by image, classes in the order of the labels."""
    settings = load_settings(params, "cams", CamSettings)
    limit_threads(settings.num_threads)
    classifier = load_classifier(model, torch_device(settings.device))
    table = tables.read_table(images / "images.parquet", Images).query("split == 'train'")
    pairs = tables.read_table(labels / "labels.parquet", Labels)
    check_classes(classifier, pairs["class_id"], labels, model)
    shown = pairs.groupby("image_id")["class_id"].agg(list)
    table = table[table["image_id"].isin(shown.index)]
    amount = {"threshold": settings.threshold, "top_percent": settings.top_percent}[settings.keep]
    locate = partial(
        locate_classes,
        classifier,
        keep=lambda heatmap: KEEP[settings.keep](heatmap, amount),
        scales=settings.scales,
        flip=settings.flip,
    )
    rows, heatmaps = [], []
    starts = range(0, len(table), settings.batch_size)
    for start in tqdm(starts, "cams", unit="batch"):
        batch = table.iloc[start : start + settings.batch_size]
        for row, heatmap in _locate(locate, classifier.class_ids, images, batch, shown):
            rows.append(row)
            heatmaps.append(heatmap)
    with whole_directory(out) as scratch:
        tables.write_table(pd.DataFrame(rows), scratch / "cams.parquet", Cams)
        arrays.write_array(
            scratch / "heatmaps.npy", np.array(heatmaps, np.float16).reshape(len(rows), *_grid(heatmaps))
        )


def _locate(
    locate: Callable[[list[np.ndarray], list[list[int]]], list[list[ClassMap]]],
    known: tuple[int, ...],
    images: Path,
    batch: pd.DataFrame,
    shown: "pd.Series[Any]",
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """The table's row and the heat map of every (image, class) of a batch of images; ``known`` are the outputs."""
    with ThreadPoolExecutor() as pool:
        pixels = list(pool.map(read_rgb, [images / name for name in batch["file_name"]]))
    class_ids = [shown[image_id] for image_id in batch["image_id"]]
    found = locate(pixels, [[known.index(class_id) for class_id in ids] for ids in class_ids])
    for image_id, ids, maps in zip(batch["image_id"], class_ids, found, strict=True):
        for class_id, class_map in zip(ids, maps, strict=True):
            if not (np.isfinite(class_map.prob) and np.isfinite(class_map.heatmap).all()):
                raise InputError(
                    f"the heat map of class {class_id} in the image {image_id} is not finite; the classifier's weights "
                    "hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate"
                )
            x, y = class_map.centre_xy or (np.nan, np.nan)
            yield (
                {
                    "image_id": image_id,
                    "class_id": class_id,
                    "prob": class_map.prob,
                    "centre_x": x,
                    "centre_y": y,
                    "cam_empty": class_map.centre_xy is None,
                },
                class_map.heatmap,
            )


def _grid(heatmaps: list[np.ndarray]) -> tuple[int, ...]:
    """The shape of one heat map."""
    return heatmaps[0].shape if heatmaps else (1, 1)


if __name__ == "__main__":
    typer.run(main)
