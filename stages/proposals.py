"""Segments of every training image, of no class; ground truth is read to measure their recall, and for nothing else."""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.image_keys import named_images
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.truth import read_truth
from empaste.artifacts.work import remove_work, work_folder
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.proposals.data_set import propose_data_set
from empaste.proposals.recall import images_without, proposal_metrics
from empaste.proposals.settings import (
    ProposalsSettings,
    network_loaders,
    network_needs,
    num_processes,
    supervision,
)
from empaste.proposals.table import match_images, require_segments
from empaste.scaleout import Network, map_items
from empaste.settings import load_settings
from stages.runner import note, stage


@stage("proposals")
def main(
    images: Path = HERE.images,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.segments,
    metrics: Path = HERE.metrics / "proposals.json",
    params: Path = HERE.params,
) -> None:
    """Propose segments, write them, and measure their recall where there are masks.

    Goes on where it was interrupted.
    """
    settings = load_settings(params, "proposals", ProposalsSettings)
    table = read_from(images, Images)
    items = list(image_paths(table, images, "train").items())
    keys, lines = match_images(settings, named_images(table))
    note(line if line.startswith("WARNING") else f"proposals: {line}" for line in lines)
    work = work_folder("proposals", settings, [images, ground_truth])
    needs = network_needs(settings)
    map_images = partial(
        map_items, what="proposals", workers=num_processes(settings), network=Network(*needs) if needs else None
    )
    networks = {method: PerProcess(load) for method, load in network_loaders(settings).items()}
    segments, found = propose_data_set(items, settings, keys, networks, map_images, work)
    note([f"proposals: {settings.method} learned from {supervision(settings)}"])
    require_segments(segments, settings.method, len(items))
    with whole_directory(out) as folder:
        write_into(folder, segments, Segments)
    measured = proposal_metrics(segments, read_truth(ground_truth), len(items))
    lacking = images_without(found)
    write_json(metrics, measured | {f"images_without_{method}": count for method, count in lacking.items()})
    note(
        f"proposals: {method} found no segment in {count} of {len(items)} images"
        for method, count in lacking.items()
        if count
    )
    if without := measured["images_without_segments"]:
        note([f"proposals: {without} of {len(items)} images have no segment and give no foreground"])
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
