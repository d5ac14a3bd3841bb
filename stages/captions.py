"""Training images have captions, as written and with their target words substituted (EM-Paste §2.1–2.2)."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import typer
from tqdm import tqdm

from empaste.artifacts.image_keys import NamedImage, named_images
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.artifacts.work import remove_work, work_folder
from empaste.captions import CAPTIONERS, LEARNED
from empaste.captions.resuming import resume_captions
from empaste.captions.scenes import Scene, choose_scenes
from empaste.captions.settings import CaptionsSettings
from empaste.captions.substitution import build_rules
from empaste.captions.table import caption_metrics, caption_table, warnings
from empaste.captions.vocabulary import read_vocabulary
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage

FREE = ("batch_size", "fraction", "supercategories", "synonyms")
"""What may change while a model writes captions: none of it changes one of them."""


@stage("captions")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    out: Path = HERE.captions,
    metrics: Path = HERE.metrics / "captions.json",
    params: Path = HERE.params,
) -> None:
    """Write ``captions.parquet``. Goes on where it was interrupted."""
    settings = load_settings(params, "captions", CaptionsSettings)
    classes = read_table(labels / "classes.parquet", Classes)
    known = named_images(read_table(images / "images.parquet", Images))
    scenes = choose_scenes(read_scenes(images, labels, classes), settings.fraction, settings.seed)
    vocabulary = read_vocabulary(settings.synonyms, list(classes["name"]))
    named = list(zip(classes["name"], classes["supercategory"], strict=True))
    rules = build_rules(named, vocabulary, settings.supercategories)
    work = (
        work_folder("captions", settings.model_dump(), [images, labels], FREE) if settings.method in LEARNED else None
    )
    texts = list(tqdm(_write_captions(settings, scenes, known, work), "captions", len(scenes), unit="image"))
    table = caption_table(scenes, texts, rules, settings.seed)
    with whole_directory(out) as scratch:
        write_table(table, scratch / "captions.parquet", Captions)
    summary = caption_metrics(table, scenes, texts, rules)
    write_json(metrics, summary)
    for line in warnings(summary):
        print(f"WARNING: {line}", file=sys.stderr)
    if work:
        remove_work(work)


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


def _write_captions(
    settings: CaptionsSettings, scenes: list[Scene], images: list[NamedImage], work: Path | None
) -> Iterator[list[str]]:
    """The captions of each scene; those of a model go on from what an interrupted run left in ``work``."""
    options = {"model", "prompt", "file", "batch_size", "device", "dtype", "max_tokens", "top_p"}
    caption = partial(
        CAPTIONERS[settings.method],
        per_image=settings.per_image,
        seed=settings.seed,
        images=images,
        **settings.model_dump(include=options),
    )
    return resume_captions(scenes, caption, work / "captions.jsonl") if work else caption(scenes)


if __name__ == "__main__":
    typer.run(main)
