"""``data/features`` holds ``phi`` and the class probabilities of every segment, as `features.views` show it."""

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from jaxtyping import UInt8
from tqdm import tqdm

from empaste.artifacts import arrays, tables
from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import check_segment_images, decode_segments
from empaste.artifacts.work import remove_work, work_folder
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.features import SOURCES, VIEWS, encoders, extraction
from empaste.features.settings import FeaturesSettings
from empaste.images import read_rgb
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage

ARRAYS = ("probs.npy", "phi.npy")


@stage("features")
def main(
    images: Path = HERE.images,
    segments: Path = HERE.segments,
    model: Path = HERE.classifier,
    out: Path = HERE.features,
    params: Path = HERE.params,
) -> None:
    """Describe every segment once; row i belongs to the segment with the id i. Goes on where it was interrupted."""
    settings = load_settings(params, "features", FeaturesSettings)
    limit_threads(settings.num_threads)
    classifier = load_classifier(model, torch_device(settings.device))
    networks = encoders.load_encoders(settings.backbones, classifier, SOURCES)
    chosen = [VIEWS[name] for name in settings.views]
    files = tables.read_table(images / "images.parquet", Images).set_index("image_id")["file_name"]
    table = tables.read_table(segments / "segments.parquet", Segments)
    check_segment_images(table, files.index, segments, images)
    work = work_folder("features", settings.model_dump(), [images, segments, model])
    done = _rows_done(work)
    shape = extraction.num_columns(chosen, networks)
    probs, phi = (arrays.open_array(work / name, (len(table), num)) for name, num in zip(ARRAYS, shape, strict=True))
    rest = table.iloc[done:]
    per_image = ((images / files[image_id], rows) for image_id, rows in rest.groupby("image_id", sort=False))
    progress = tqdm(per_image, "features", rest["image_id"].nunique(), unit="image")
    show = partial(show_image, showings=extraction.showings(chosen, networks), erosion=settings.erosion)
    shown = extraction.map_ahead(show, progress, os.cpu_count() or 1)
    for batch in extraction.describe_segments(chosen, networks, shown, settings.batch_size):
        _check_finite(batch, table.iloc[done : done + len(batch[0])], images, files)
        for array, values in zip((probs, phi), batch, strict=True):
            array[done : done + len(values)] = values
        done += len(batch[0])
        write_json(work / "done.json", done)
    with whole_directory(out) as scratch:
        for name in ARRAYS:
            shutil.move(work / name, scratch / name)
    remove_work(work)


def _rows_done(work: Path) -> int:
    """How many rows of the arrays in ``work`` stand; what cannot be gone on with is removed."""
    progress = work / "done.json"
    if progress.exists() and all((work / name).exists() for name in ARRAYS):
        return json.loads(progress.read_text())
    for name in ARRAYS:
        (work / name).unlink(missing_ok=True)
    return 0


def _check_finite(
    batch: tuple[np.ndarray, np.ndarray], rows: pd.DataFrame, images: Path, files: "pd.Series[str]"
) -> None:
    finite = np.isfinite(batch[0]).all(axis=1) & np.isfinite(batch[1]).all(axis=1)
    if not finite.all():
        segment = rows.iloc[int(np.argmin(finite))]
        raise InputError(
            f"the features of segment {segment['segment_id']} of {images / files[segment['image_id']]} are not finite; "
            "the weights hold NaN or overflow: run dvc repro classifier with a lower classifier.learning_rate, or "
            "replace the weights that features.backbones names"
        )


def show_image(
    image_rows: tuple[Path, pd.DataFrame], showings: Sequence[extraction.Showing], erosion: int
) -> list[UInt8[np.ndarray, "k side side 3"]]:
    """The segments of one image, as every showing shows them."""
    path, rows = image_rows
    image = read_rgb(path)
    boxes = [tuple(box) for box in rows[["x", "y", "box_width", "box_height"]].to_numpy().tolist()]
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    return extraction.show_segments(image, zip(masks, boxes, strict=True), len(rows), showings, erosion)


if __name__ == "__main__":
    typer.run(main)
