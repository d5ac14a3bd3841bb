"""All segments of a data set described, into arrays in a work folder, from which a later run goes on."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from empaste.artifacts.arrays import DAMAGES, open_array
from empaste.artifacts.classifier import place_classifier
from empaste.artifacts.outputs import write_json
from empaste.artifacts.segments import decode_segments
from empaste.batches import map_ahead
from empaste.errors import InputError
from empaste.features import extraction
from empaste.features.encoders import Encoder, load_encoders
from empaste.features.settings import FeaturesSettings
from empaste.features.views import VIEWS
from empaste.images import read_rgb
from empaste.on_demand import OnDemand

ARRAYS = ("probs.npy", "phi.npy")
DONE = "done.json"
"""How many rows of the arrays stand."""


class Rows(NamedTuple):
    """A batch: consecutive rows of the table of segments, and the files of their images by id."""

    table: pd.DataFrame
    paths: Mapping[int, Path]


class Described(NamedTuple):
    """What `ARRAYS` hold of some segments."""

    probs: Float[np.ndarray, "n c"]
    phi: Float[np.ndarray, "n d"]


StreamBatches = Callable[[Callable[[Sequence[Rows]], Iterator[Described]], Sequence[Rows]], Iterable[Described]]
"""Runs a pure function from batches to a result for each, perhaps on several machines; in order."""


def place_encoders(model: Path, settings: FeaturesSettings) -> list[Encoder]:
    """The networks that describe, with the classifier in the folder ``model``, on the device of ``settings``."""
    return load_encoders(settings.backbones, place_classifier(model, settings.device, settings.num_threads))


def describe_data_set(
    segments: pd.DataFrame,
    paths: Mapping[int, Path],
    encoders: Callable[[], list[Encoder]],
    settings: FeaturesSettings,
    stream_batches: StreamBatches,
    work: Path,
) -> None:
    """The folder ``work`` holds `ARRAYS`, of which row i describes row i of ``segments``, a table by image.

    ``paths`` are those of the images by id; ``encoders`` gives the networks of the process that calls it. Rows that
    ``work`` holds already are not described again. `InputError` where an image does not fit its segments, or a
    description is not finite.
    """
    size, done = settings.batch_size, _rows_done(work, len(segments))

    def gather(start: int) -> Rows:
        table = segments.iloc[start : start + size]
        return Rows(table, {image_id: paths[image_id] for image_id in table["image_id"].unique().tolist()})

    starts = range(done, len(segments), size)
    described = stream_batches(partial(_describe_each, encoders, settings), OnDemand(gather, starts))
    for start, found in zip(starts, described, strict=True):
        _write_rows(work, start, found, len(segments))
    if segments.empty:
        _write_rows(work, 0, _of_no_segment(encoders, settings), 0)


def _write_rows(work: Path, start: int, found: Described, num_rows: int) -> None:
    """The arrays in ``work``, of ``num_rows`` rows, hold ``found`` from row ``start`` on, and `DONE` says so."""
    for name, values in zip(ARRAYS, found, strict=True):
        shape = (num_rows, values.shape[1])
        # Once rows stand, an array is gone on with as it is: one that is made anew would have zeros for them.
        array = np.load(work / name, mmap_mode="r+") if start else open_array(work / name, shape)
        array[start : start + len(values)] = values
    write_json(work / DONE, start + len(found.probs))


def _describe_each(
    encoders: Callable[[], list[Encoder]], settings: FeaturesSettings, batches: Sequence[Rows]
) -> Iterator[Described]:
    """The description of each batch; what comes next is shown by threads meanwhile.

    An image whose segments two batches part is read twice.
    """
    views, networks = [VIEWS[name] for name in settings.views], encoders()
    per_image = (
        (rows.paths[int(str(image_id))], one)
        for rows in batches
        for image_id, one in rows.table.groupby("image_id", sort=False)
    )
    show = partial(show_image, showings=extraction.showings(views, networks), erosion=settings.erosion)
    shown = map_ahead(show, per_image, os.cpu_count() or 1)
    described = extraction.describe_segments(views, networks, shown, settings.batch_size)
    for rows, found in zip(batches, described, strict=True):
        one = Described(*found)
        _check_finite(one, rows)
        yield one


def _of_no_segment(encoders: Callable[[], list[Encoder]], settings: FeaturesSettings) -> Described:
    """No row, but the columns of `ARRAYS`."""
    counts = extraction.num_columns([VIEWS[name] for name in settings.views], encoders())
    return Described(*(np.zeros((0, num), np.float32) for num in counts))


def show_image(
    image_rows: tuple[Path, pd.DataFrame], showings: Sequence[extraction.Showing], erosion: int
) -> list[UInt8[np.ndarray, "k _ _ 3"]]:
    """The segments of one image, as every showing shows them."""
    path, rows = image_rows
    image = read_rgb(path)
    boxes = [tuple(box) for box in rows[["x", "y", "box_width", "box_height"]].to_numpy().tolist()]
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    return extraction.show_segments(image, zip(masks, boxes, strict=True), len(rows), showings, erosion)


def _rows_done(work: Path, num_rows: int) -> int:
    """How many of the ``num_rows`` rows of the arrays in ``work`` stand; what cannot be gone on with is removed."""
    files = [work / name for name in ARRAYS]
    try:
        done = int(json.loads((work / DONE).read_bytes()))
        stands = all(len(np.load(file, mmap_mode="r")) == num_rows for file in files)
    except DAMAGES:
        stands = False
    if stands:
        return done
    for file in (*files, work / DONE):
        file.unlink(missing_ok=True)
    return 0


def _check_finite(described: Described, rows: Rows) -> None:
    finite = np.isfinite(described.probs).all(axis=1) & np.isfinite(described.phi).all(axis=1)
    if not finite.all():
        segment = rows.table.iloc[int(np.argmin(finite))]
        raise InputError(
            f"the features of segment {segment['segment_id']} of {rows.paths[segment['image_id']]} are not finite; "
            "the weights hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate, or "
            "replace the weights that features.backbones names"
        )
