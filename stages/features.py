"""``data/features`` holds ``phi`` and the class probabilities of every segment, shown to the classifier on gray."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from jaxtyping import UInt8
from tqdm import tqdm

from empaste.artifacts import arrays, schemas, tables
from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.outputs import whole_directory
from empaste.backbones import limit_threads, torch_device
from empaste.errors import InputError
from empaste.features import map_ahead, segment_features, show_on_gray
from empaste.images import read_rgb
from empaste.masks import decode_mask
from empaste.params import load_params
from stages.runner import stage


@stage("features")
def main(
    images: Path = Path("data/images"),
    segments: Path = Path("data/segments"),
    model: Path = Path("models/classifier"),
    out: Path = Path("data/features"),
    params: Path = Path("params.yaml"),
) -> None:
    """Classify every segment once; row i belongs to the segment with the id i."""
    settings = load_params(params).features
    limit_threads(settings.num_threads)
    classifier = load_classifier(model, torch_device(settings.device))
    files = tables.read_table(images / "images.parquet", schemas.Images).set_index("image_id")["file_name"]
    table = tables.read_table(segments / "segments.parquet", schemas.Segments)
    unknown = table.loc[~table["image_id"].isin(files.index), "image_id"]
    if len(unknown):
        raise InputError(
            f"{segments} names the image {unknown.iloc[0]}, which {images} lacks; run: dvc repro proposals"
        )
    per_image = [(images / files[image_id], rows) for image_id, rows in table.groupby("image_id", sort=False)]
    show = partial(_show_segments, erosion=settings.erosion, side=classifier.image_size)
    crops = map_ahead(show, tqdm(per_image, "features", unit="image"))
    probs, phi = segment_features(classifier, crops, settings.batch_size)
    with whole_directory(out) as scratch:
        arrays.write_array(scratch / "probs.npy", probs)
        arrays.write_array(scratch / "phi.npy", phi)


def _show_segments(
    image_rows: tuple[Path, pd.DataFrame], erosion: int, side: int
) -> UInt8[np.ndarray, "k side side 3"]:
    """The segments of one image, each as the classifier sees it."""
    path, rows = image_rows
    image = read_rgb(path)
    shown = np.empty((len(rows), side, side, 3), np.uint8)
    for number, segment in enumerate(rows.to_dict("records")):
        size_hw = [segment["height"], segment["width"]]
        if list(image.shape[:2]) != size_hw:
            raise InputError(
                f"{path} is {image.shape[0]} high and {image.shape[1]} wide, its segment {segment['segment_id']} is of "
                f"an image {size_hw[0]} high and {size_hw[1]} wide; run: dvc repro proposals"
            )
        mask = decode_mask({"size": size_hw, "counts": segment["counts"]})
        box = (segment["x"], segment["y"], segment["box_width"], segment["box_height"])
        shown[number] = show_on_gray(image, mask, box, erosion, side)
    return shown


if __name__ == "__main__":
    typer.run(main)
