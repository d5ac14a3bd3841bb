"""``data/backgrounds`` holds synthesised backgrounds in which the classifier sees no class (EM-Paste §2.3–2.5)."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from empaste.artifacts.arrays import read_array
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas import Backgrounds, Captions, Classes, Foregrounds, Images, Labels, Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.backgrounds import GENERATORS, IN_PROCESS
from empaste.backgrounds.erasing import segments_to_erase
from empaste.backgrounds.making import summarise, write_selected
from empaste.backgrounds.scenes import Scene
from empaste.params import BackgroundsParams, load_params
from empaste.scaleout import map_items
from stages.runner import stage


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
    """Generate candidates for every training image, keep and write the selected ones; method none writes no row."""
    settings = load_params(params).backgrounds
    classes = read_table(labels / "classes.parquet", Classes)
    rows: list[dict[str, Any]] = []
    tally, per_class = Counter[str](), Counter[int]()
    with whole_directory(out) as scratch:
        if settings.method != "none":
            erase = read_erased(labels, segments, features, foregrounds, settings.erase_prob)
            scenes = read_scenes(images, captions, erase)
            rows, tally, per_class = generate(scenes, settings, model, scratch)
        table = pd.DataFrame(rows, columns=list(Backgrounds.to_schema().columns))
        write_table(table, scratch / "backgrounds.parquet", Backgrounds)
    shown = {name: per_class[class_id] for class_id, name in zip(classes["class_id"], classes["name"], strict=True)}
    write_json(metrics, summarise(table, tally, shown))


def generate(
    scenes: list[Scene], settings: BackgroundsParams, model: Path, folder: Path
) -> tuple[list[dict[str, Any]], Counter[str], Counter[int]]:
    """Make, judge and write the backgrounds of ``scenes``."""
    # Worker processes import this file and need no torch.
    from empaste.artifacts.classifier import load_classifier
    from empaste.backbones import limit_threads, torch_device
    from empaste.backgrounds.clip_selection import load_clip

    limit_threads(settings.num_threads)
    device = torch_device(settings.device)
    classifier = load_classifier(model, device)
    clip = load_clip(settings.clip_model, device) if settings.clip_model else None
    options = {"per_caption", "seed", "root", "model", "steps", "guidance", "image_size", "batch_size", "device"}
    make = GENERATORS[settings.method](**settings.model_dump(include=options))
    workers = 1 if settings.method in IN_PROCESS else None
    return write_selected(
        zip(scenes, map_items(make, scenes, "backgrounds", workers), strict=True),
        classifier,
        clip,
        folder,
        keep=settings.keep_per_caption,
        presence_threshold=settings.presence_threshold,
    )


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


def read_scenes(images: Path, captions: Path, erase: dict[int, tuple[str, ...]]) -> list[Scene]:
    """The training images, each with its prompts and with the segments to ``erase``."""
    table = read_table(images / "images.parquet", Images).query("split == 'train'")
    written = read_table(captions / "captions.parquet", Captions)
    prompts: dict[int, list[tuple[int, str]]] = {}
    for caption_id, image_id, prompt in written[["caption_id", "image_id", "substituted"]].itertuples(index=False):
        prompts.setdefault(image_id, []).append((caption_id, prompt))
    return [
        Scene(image_id, images / name, height, width, erase.get(image_id, ()), tuple(prompts.get(image_id, ())))
        for image_id, name, height, width in table[["image_id", "file_name", "height", "width"]].itertuples(index=False)
    ]


if __name__ == "__main__":
    typer.run(main)
