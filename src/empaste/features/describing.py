"""All segments of a data set described, into arrays in a work folder, from which a later run goes on."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8
from tqdm import tqdm

from empaste.artifacts.arrays import DAMAGES, open_array
from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.outputs import write_json
from empaste.artifacts.segments import decode_segments
from empaste.batches import map_ahead
from empaste.errors import InputError
from empaste.features import extraction
from empaste.features.encoders import load_encoders
from empaste.features.settings import FeaturesSettings
from empaste.features.views import VIEWS
from empaste.images import read_rgb

ARRAYS = ("probs.npy", "phi.npy")
DONE = "done.json"
"""How many rows of the arrays stand."""


def describe_data_set(
    segments: pd.DataFrame,
    paths: Mapping[int, Path],
    classifier: TrainedClassifier,
    settings: FeaturesSettings,
    work: Path,
) -> None:
    """The folder ``work`` holds `ARRAYS`, of which row i describes row i of ``segments``, a table by image.

    ``paths`` are those of the images by id. Rows that ``work`` holds already are not described again. `InputError`
    where an image does not fit its segments, or a description is not finite.
    """
    views = [VIEWS[name] for name in settings.views]
    networks = load_encoders(settings.backbones, classifier)
    columns = extraction.num_columns(views, networks)
    shapes = [(len(segments), num) for num in columns]
    done = _rows_done(work, shapes)
    arrays = [open_array(work / name, shape) for name, shape in zip(ARRAYS, shapes, strict=True)]
    rest = segments.iloc[done:]
    per_image = ((paths[int(str(image_id))], rows) for image_id, rows in rest.groupby("image_id", sort=False))
    progress = tqdm(per_image, "features", rest["image_id"].nunique(), unit="image")
    show = partial(show_image, showings=extraction.showings(views, networks), erosion=settings.erosion)
    shown = map_ahead(show, progress, os.cpu_count() or 1)
    for batch in extraction.describe_segments(views, networks, shown, settings.batch_size):
        _check_finite(batch, segments.iloc[done : done + len(batch[0])], paths)
        for array, values in zip(arrays, batch, strict=True):
            array[done : done + len(values)] = values
        done += len(batch[0])
        write_json(work / DONE, done)


def show_image(
    image_rows: tuple[Path, pd.DataFrame], showings: Sequence[extraction.Showing], erosion: int
) -> list[UInt8[np.ndarray, "k _ _ 3"]]:
    """The segments of one image, as every showing shows them."""
    path, rows = image_rows
    image = read_rgb(path)
    boxes = [tuple(box) for box in rows[["x", "y", "box_width", "box_height"]].to_numpy().tolist()]
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    return extraction.show_segments(image, zip(masks, boxes, strict=True), len(rows), showings, erosion)


def _rows_done(work: Path, shapes: Sequence[tuple[int, int]]) -> int:
    """How many rows of the arrays in ``work`` stand; what cannot be gone on with is removed."""
    files = [work / name for name in ARRAYS]
    try:
        done = int(json.loads((work / DONE).read_bytes()))
        stands = [np.load(file, mmap_mode="r").shape for file in files] == list(shapes)
    except DAMAGES:
        stands = False
    if stands:
        return done
    for file in (*files, work / DONE):
        file.unlink(missing_ok=True)
    return 0


def _check_finite(
    batch: tuple[Float[np.ndarray, "b c"], Float[np.ndarray, "b d"]], rows: pd.DataFrame, paths: Mapping[int, Path]
) -> None:
    finite = np.isfinite(batch[0]).all(axis=1) & np.isfinite(batch[1]).all(axis=1)
    if not finite.all():
        segment = rows.iloc[int(np.argmin(finite))]
        raise InputError(
            f"the features of segment {segment['segment_id']} of {paths[segment['image_id']]} are not finite; "
            "the weights hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate, or "
            "replace the weights that features.backbones names"
        )
