"""``data/backgrounds`` holds synthesised backgrounds in which the classifier sees no class (EM-Paste §2.3–2.5)."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.arrays import read_array
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.artifacts.work import remove_work, work_folder
from empaste.backgrounds import SURELY_EMPTY, making, open_source
from empaste.backgrounds.erasing import segments_to_erase
from empaste.backgrounds.scenes import Scene, Source, list_scenes
from empaste.backgrounds.selection import Judge, load_judge
from empaste.backgrounds.settings import BackgroundsSettings
from empaste.layout import HERE
from empaste.scaleout import map_items
from empaste.settings import load_settings
from stages.runner import stage

FREE = (
    *("retries", "num_threads", "batch_size"),
    *("api.timeout", "api.max_concurrent", "api.price_per_image", "api.max_cost"),
)
"""What may change between an interrupted run and the one that goes on: none of it changes an image."""


@stage("backgrounds")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    features: Path = HERE.features,
    foregrounds: Path = HERE.foregrounds,
    captions: Path = HERE.captions,
    model: Path = HERE.classifier,
    out: Path = HERE.backgrounds,
    metrics: Path = HERE.metrics / "backgrounds.json",
    params: Path = HERE.params,
) -> None:
    """Make backgrounds for every training image and keep the selected ones. Goes on where it was interrupted."""
    settings = load_settings(params, "backgrounds", BackgroundsSettings)
    classes = read_table(labels / "classes.parquet", Classes)
    class_names = dict(zip(classes["class_id"].tolist(), classes["name"].tolist(), strict=True))
    inputs = [images, labels, segments, features, foregrounds, captions, model]
    work = work_folder("backgrounds", settings.model_dump(), inputs, FREE)
    parts: list[Path] = []
    counts: Mapping[str, int] = {}
    if settings.method != "none":
        erase = read_erased(labels, segments, features, foregrounds, settings.erase_prob)
        scenes = read_scenes(images, labels, captions, class_names, erase)
        source, judge = _open(settings, model, class_names)
        parts, counts = making.make_parts(scenes, source, judge, settings.per_caption, work), source.counts
    with whole_directory(out) as scratch:
        made = making.join_parts(parts, scratch)
        write_table(made.table, scratch / "backgrounds.parquet", Backgrounds)
        write_table(made.failures, scratch / "failures.parquet", BackgroundFailures)
    if len(made.failures):
        print(f"WARNING: {len(made.failures):,} images failed; {out}/failures.parquet says why", file=sys.stderr)
    write_json(metrics, making.summarise(made, class_names, counts, scored=settings.clip_model is not None))
    remove_work(work)


def _open(settings: BackgroundsSettings, model: Path, class_names: Mapping[int, str]) -> tuple[Source, Judge]:
    """Where the backgrounds come from, and what judges them."""
    judge = load_judge(
        model,
        settings.clip_model,
        class_names,
        keep=settings.keep_per_caption,
        selection=settings.selection,
        presence_threshold=1.0 if settings.method in SURELY_EMPTY else settings.presence_threshold,
        num_threads=settings.num_threads,
        device=settings.device,
    )
    options = settings.model_dump() | {"class_names": list(class_names.values())}
    return open_source(settings.method, partial(map_items, what="backgrounds"), options), judge


def read_erased(
    labels: Path, segments: Path, features: Path, foregrounds: Path, erase_prob: float
) -> dict[int, tuple[str, ...]]:
    """Image id -> the segments that a background must lose, by what F-EM chose last and by their probabilities."""
    proposed = read_table(segments / "segments.parquet", Segments)
    probs = read_array(features / "probs.npy", len(proposed), str(segments), "features")
    last = max(foregrounds.glob("iter_*.parquet"), key=lambda path: int(path.stem[5:]), default=Path("iter_0.parquet"))
    return segments_to_erase(
        proposed,
        probs,
        read_table(labels / "classes.parquet", Classes)["class_id"].tolist(),
        read_table(labels / "labels.parquet", Labels),
        read_table(foregrounds / last.name, Foregrounds),
        erase_prob,
    )


def read_scenes(
    images: Path, labels: Path, captions: Path, class_names: Mapping[int, str], erase: Mapping[int, tuple[str, ...]]
) -> list[Scene]:
    """The training images, each with all that belongs to it."""
    return list_scenes(
        read_table(images / "images.parquet", Images),
        images,
        read_table(captions / "captions.parquet", Captions),
        read_table(labels / "labels.parquet", Labels),
        class_names,
        erase,
    )


if __name__ == "__main__":
    typer.run(main)
