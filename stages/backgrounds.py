"""``data/backgrounds`` holds synthesised backgrounds in which the classifier sees no class (EM-Paste §2.3–2.5)."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from empaste import backgrounds
from empaste.artifacts.arrays import read_array
from empaste.artifacts.checkpoints import remove_work, work_folder
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.backgrounds import SURELY_EMPTY, making, open_source
from empaste.backgrounds.erasing import segments_to_erase
from empaste.backgrounds.scenes import Scene, Source, list_scenes
from empaste.backgrounds.selection import Judge, load_judge
from empaste.params import BackgroundsParams, load_params
from empaste.scaleout import map_items
from stages.runner import stage

PATIENCE = ("timeout", "max_concurrent", "price_per_image", "max_cost")
"""What may change of ``backgrounds.api`` between an interrupted run and the one that goes on."""


@stage("backgrounds")
def main(
    images: Path = Path("data/images"),
    labels: Path = Path("data/labels"),
    segments: Path = Path("data/segments"),
    features: Path = Path("data/features"),
    foregrounds: Path = Path("data/foregrounds"),
    captions: Path = Path("data/captions"),
    model: Path = Path("models/classifier"),
    out: Path = Path("data/backgrounds"),
    metrics: Path = Path("metrics/backgrounds.json"),
    params: Path = Path("params.yaml"),
) -> None:
    """Make backgrounds for every training image and keep the selected ones. Goes on where it was interrupted."""
    settings = load_params(params).backgrounds
    classes = read_table(labels / "classes.parquet", Classes)
    class_names = dict(zip(classes["class_id"].tolist(), classes["name"].tolist(), strict=True))
    read = [images, labels, segments, features, foregrounds, captions, model] if settings.method != "none" else []
    work = work_folder("backgrounds", [*_key(settings), *read])
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


def _open(settings: BackgroundsParams, model: Path, class_names: Mapping[int, str]) -> tuple[Source, Judge]:
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


def _key(settings: BackgroundsParams) -> list[Any]:
    """What determines the backgrounds beside the inputs: parameters, local models and folders, code."""
    named = [settings.root, settings.diffusion.model, (settings.clip_model or "").removeprefix("local-dir:")]
    code = sorted(Path(backgrounds.__file__).parent.glob("*.py"))
    return [
        settings.model_dump(exclude={"retries": True, "num_threads": True, "batch_size": True, "api": set(PATIENCE)}),
        *(Path(name) for name in named if name and Path(name).exists()),
        *code,
    ]


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
