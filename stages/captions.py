"""Training images have captions, as written and with their target words substituted (EM-Paste §2.1–2.2)."""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.image_keys import named_images
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work import remove_work, work_folder
from empaste.captions import CAPTIONERS
from empaste.captions.captioner import Context
from empaste.captions.reading import read_rules, read_scenes
from empaste.captions.resuming import write_captions
from empaste.captions.scenes import choose_scenes
from empaste.captions.settings import FREE, CaptionsSettings
from empaste.captions.table import caption_metrics, caption_table, warnings
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, map_items
from empaste.settings import load_settings
from stages.runner import stage, warn


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
    classes = read_from(labels, Classes)
    scenes = choose_scenes(read_scenes(images, labels, classes), settings.fraction, settings.seed)
    rules = read_rules(classes, settings)
    captioner, work = CAPTIONERS[settings.method], None
    if captioner.load:
        work = work_folder("captions", settings, [images, labels], FREE)
        map_batches = partial(map_items, what="captions", network=Network(settings.device, 0), unit="batch")
        texts = write_captions(scenes, settings, PerProcess(partial(captioner.load, settings)), map_batches, work)
    else:
        texts = list(captioner.caption(scenes, settings, Context(named_images(read_from(images, Images)))))
    table = caption_table(scenes, texts, rules, settings.seed)
    with whole_directory(out) as scratch:
        write_into(scratch, table, Captions)
    summary = caption_metrics(table, scenes, texts, rules)
    write_json(metrics, summary)
    warn(warnings(summary))
    if work:
        remove_work(work)


if __name__ == "__main__":
    typer.run(main)
