"""``data/evidence`` says of every segment how well it explains, in its place, that an image shows a class."""

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
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import check_segment_images, decode_segments
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.evidence.judging import Effort, judge_image
from empaste.evidence.scoring import Weights
from empaste.evidence.settings import EvidenceSettings
from empaste.images import read_rgb
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("evidence")
def main(
    images: Path = HERE.images,
    segments: Path = HERE.segments,
    cams: Path = HERE.cams,
    model: Path = HERE.classifier,
    out: Path = HERE.evidence,
    params: Path = HERE.params,
) -> None:
    """Judge the segments of every image for every class that it shows."""
    settings = load_settings(params, "evidence", EvidenceSettings)
    limit_threads(settings.num_threads)
    classifier = load_classifier(model, torch_device(settings.device))
    files = tables.read_table(images / "images.parquet", Images).set_index("image_id")["file_name"]
    wanted = tables.read_table(cams / "cams.parquet", Cams)
    check_classes(classifier, wanted["class_id"], cams, model)
    heatmaps = arrays.read_array(cams / "heatmaps.npy", len(wanted), str(cams), "cams")
    maps: dict[int, dict[int, Any]] = {}
    for image_id, class_id, heatmap in zip(wanted["image_id"], wanted["class_id"], heatmaps, strict=True):
        maps.setdefault(image_id, {})[class_id] = heatmap
    judge = partial(
        judge_image,
        classifier,
        weights=Weights(**settings.weights.model_dump()),
        effort=Effort(settings.fills, settings.num_judged, settings.batch_size),
    )
    table = tables.read_table(segments / "segments.parquet", Segments)
    check_segment_images(table, files.index, segments, images)
    per_image = table[table["image_id"].isin(list(maps))].groupby("image_id", sort=False)
    judged = [
        _judge(judge, images / files[image_id], rows, maps[image_id])
        for image_id, rows in tqdm(per_image, "evidence", unit="image")
    ]
    found = pd.concat(judged) if judged else pd.DataFrame(columns=list(Evidence.to_schema().columns))
    with whole_directory(out) as scratch:
        tables.write_table(found, scratch / "evidence.parquet", Evidence)


def _judge(judge: Any, path: Path, rows: pd.DataFrame, maps: dict[int, Any]) -> pd.DataFrame:
    """The rows of one image."""
    image = read_rgb(path)
    masks = decode_segments(rows, (image.shape[0], image.shape[1]), path)
    table = judge(image, masks, rows["score"].to_numpy(), maps)
    ids = rows["segment_id"].tolist() * len(maps)
    finite = np.isfinite(table[["insertion", "deletion"]].to_numpy()).all(axis=1)
    broken = np.flatnonzero(table["judged"].to_numpy() & ~finite)
    if broken.size:
        raise InputError(
            f"the classifier's answer to segment {ids[broken[0]]} of {path} is not finite; run: dvc repro classifier"
        )
    return table.assign(image_id=int(rows["image_id"].iloc[0]), segment_id=ids)[list(Evidence.to_schema().columns)]


if __name__ == "__main__":
    typer.run(main)
