"""Training images have captions, as written and with their target words substituted (EM-Paste §2.1–2.2)."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from tqdm import tqdm

from empaste.artifacts.checkpoints import remove_work, work_folder
from empaste.artifacts.image_keys import NamedImage, named_images
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.captions import CAPTIONERS, LEARNED
from empaste.captions.resuming import resume_captions
from empaste.captions.scenes import Scene, choose_scenes
from empaste.captions.substitution import build_rules
from empaste.captions.table import caption_metrics, caption_table, warnings
from empaste.captions.vocabulary import read_vocabulary
from empaste.params import CaptionsParams, load_params
from stages.runner import stage


@stage("captions")
def main(
    images: Path = Path("data/images"),
    labels: Path = Path("data/labels"),
    out: Path = Path("data/captions"),
    metrics: Path = Path("metrics/captions.json"),
    params: Path = Path("params.yaml"),
) -> None:
    """Write ``captions.parquet``. Goes on where it was interrupted."""
    settings = load_params(params).captions
    classes = read_table(labels / "classes.parquet", Classes)
    known = named_images(read_table(images / "images.parquet", Images))
    scenes = choose_scenes(read_scenes(images, labels, classes), settings.fraction, settings.seed)
    vocabulary = read_vocabulary(settings.synonyms, list(classes["name"]))
    named = list(zip(classes["name"], classes["supercategory"], strict=True))
    rules = build_rules(named, vocabulary, settings.supercategories)
    work = work_folder("captions", _key(settings, scenes)) if settings.method in LEARNED else None
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
    settings: CaptionsParams, scenes: list[Scene], images: list[NamedImage], work: Path | None
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


def _key(settings: CaptionsParams, scenes: list[Scene]) -> list[Any]:
    """What the captions of a model depend on; files by size and time, since models and data sets are large."""
    model = Path(str(settings.model))
    files = [*(path for path in model.rglob("*") if path.is_file()), *(scene.path for scene in scenes)]
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files) if path.exists()]
    own = settings.model_dump(exclude={"fraction", "synonyms", "supercategories", "batch_size"})
    return [own, [scene.image_id for scene in scenes], stamps]


if __name__ == "__main__":
    typer.run(main)
