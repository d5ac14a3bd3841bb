"""``data/backgrounds`` holds synthesised backgrounds in which the classifier sees no class (EM-Paste §2.3–2.5)."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.prepare import Classes
from empaste.artifacts.tables import read_from
from empaste.artifacts.work import remove_work, work_folder
from empaste.backgrounds import GENERATORS, data_set, open_source
from empaste.backgrounds.reading import read_erased, read_scenes
from empaste.backgrounds.selection import load_judge
from empaste.backgrounds.settings import FREE, BackgroundsSettings
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, map_items
from empaste.settings import load_settings
from stages.runner import stage, warn


@stage("backgrounds")
def main(
    images: Path = HERE.images, labels: Path = HERE.labels, segments: Path = HERE.segments,
    features: Path = HERE.features, foregrounds: Path = HERE.foregrounds, captions: Path = HERE.captions,
    model: Path = HERE.classifier, out: Path = HERE.backgrounds, metrics: Path = HERE.metrics / "backgrounds.json",
    params: Path = HERE.params,
) -> None:  # fmt: skip
    """Make backgrounds for every training image and keep the selected ones. Goes on where it was interrupted."""
    settings = load_settings(params, "backgrounds", BackgroundsSettings)
    classes = read_from(labels, Classes)
    class_names = dict(zip(classes["class_id"].tolist(), classes["name"].tolist(), strict=True))
    inputs = [images, labels, segments, features, foregrounds, captions, model]
    work = work_folder("backgrounds", settings, inputs, FREE)
    parts: list[Path] = []
    counts: Mapping[str, int] = {}
    if settings.method != "none":
        erase = read_erased(labels, segments, features, foregrounds, settings.erase_prob)
        scenes = read_scenes(images, labels, captions, class_names, erase)
        generator = GENERATORS[settings.method]
        judge = PerProcess(partial(load_judge, model, settings, class_names))
        map_scenes = partial(map_items, what="backgrounds")
        source = PerProcess(partial(open_source, settings, list(class_names.values()), map_scenes))
        network = Network(settings.device, settings.num_threads) if generator.learned else None
        map_parts = partial(map_items, what="backgrounds", workers=1, network=network, unit="part")
        parts = data_set.make_parts(scenes, generator, source, judge, settings.per_caption, map_parts, work)
        counts = {} if generator.learned else source().counts
    with whole_directory(out) as scratch:
        joined = data_set.join_parts(parts, scratch)
        data_set.write_tables(joined, scratch)
    if len(joined.failures):
        warn([f"{len(joined.failures):,} images failed; {out}/failures.parquet says why"])
    write_json(metrics, data_set.summarise(joined, class_names, counts, scored=settings.clip_model is not None))
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
