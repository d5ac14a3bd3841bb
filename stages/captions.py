"""Every training image has captions, as written and with its target words substituted (EM-Paste §2.1–2.2)."""

from pathlib import Path

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas import Captions, Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.captions import CAPTIONERS
from empaste.captions.scenes import Scene
from empaste.captions.substitution import build_rules, substitute
from empaste.params import load_params
from stages.runner import stage


@stage("captions")
def main(
    images: Path = Path("data/images"),
    labels: Path = Path("data/labels"),
    out: Path = Path("data/captions"),
    params: Path = Path("params.yaml"),
) -> None:
    """Write ``captions.parquet``."""
    settings = load_params(params).captions
    classes = read_table(labels / "classes.parquet", Classes)
    scenes = read_scenes(images, labels, classes)
    written = CAPTIONERS[settings.method](
        scenes, settings.per_image, settings.seed, settings.model, settings.batch_size, settings.device
    )
    rules = build_rules(list(zip(classes["name"], classes["supercategory"], strict=True)))
    rows = [
        (scene.image_id, text, substitute(text, rules, np.random.default_rng([settings.seed, scene.image_id, number])))
        for scene, texts in zip(scenes, tqdm(written, "captions", len(scenes), unit="image"), strict=True)
        for number, text in enumerate(texts)
    ]
    table = pd.DataFrame(rows, columns=["image_id", "text", "substituted"])
    table.insert(0, "caption_id", range(len(table)))
    with whole_directory(out) as scratch:
        write_table(table, scratch / "captions.parquet", Captions)


def read_scenes(images: Path, labels: Path, classes: pd.DataFrame) -> list[Scene]:
    """The training images with the classes that their labels name."""
    table = read_table(images / "images.parquet", Images).query("split == 'train'")
    named = read_table(labels / "labels.parquet", Labels).merge(classes, on="class_id")
    present: dict[int, list[tuple[str, str]]] = {}
    for image_id, name, supercategory in named[["image_id", "name", "supercategory"]].itertuples(index=False):
        present.setdefault(image_id, []).append((name, supercategory))
    return [
        Scene(image_id, images / file_name, tuple(present.get(image_id, ())))
        for image_id, file_name in table[["image_id", "file_name"]].itertuples(index=False)
    ]


if __name__ == "__main__":
    typer.run(main)
