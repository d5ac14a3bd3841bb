"""Segments of every training image, of no class; ground truth is read to measure their recall, and for nothing else."""

import sys
import time
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
from empaste.layout import HERE
from empaste.proposals.recall import images_without, proposal_metrics
from empaste.proposals.settings import ProposalsSettings, num_processes, supervision
from empaste.proposals.table import match_images, propose_image, require_segments, segment_table
from empaste.scaleout import map_items, num_workers
from empaste.settings import load_settings
from stages.runner import stage


@stage("proposals")
def main(
    images: Path = HERE.images,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.segments,
    metrics: Path = HERE.metrics / "proposals.json",
    params: Path = HERE.params,
) -> None:
    """Propose segments, write them, and measure their recall where there are masks."""
    settings = load_settings(params, "proposals", ProposalsSettings)
    table = read_from(images, Images)
    items = list(image_paths(table, images, "train").items())
    keys, lines = match_images(settings, named_images(table))
    for line in lines:
        print(line if line.startswith("WARNING") else f"proposals: {line}", file=sys.stderr)
    propose = partial(propose_image, settings=settings, keys=keys)
    started = time.monotonic()
    proposed = list(map_items(propose, items, "proposals", num_processes(settings)))
    segments = segment_table(rows for rows, _ in proposed)
    # Printed rather than written, since a metrics file holds what a re-run gives again.
    speed = 1000 * (time.monotonic() - started) * num_workers() / len(items)
    print(f"proposals: {speed:.0f} ms per image and core", file=sys.stderr)
    print(f"proposals: {settings.method} learned from {supervision(settings)}", file=sys.stderr)
    require_segments(segments, settings.method, len(items))
    with whole_directory(out) as folder:
        write_into(folder, segments, Segments)
    measured = proposal_metrics(segments, read_truth(ground_truth), len(items))
    lacking = images_without([found for _, found in proposed])
    write_json(metrics, measured | {f"images_without_{method}": count for method, count in lacking.items()})
    for method, count in lacking.items():
        if count:
            print(f"proposals: {method} found no segment in {count} of {len(items)} images", file=sys.stderr)
    if without := measured["images_without_segments"]:
        print(f"proposals: {without} of {len(items)} images have no segment and give no foreground", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
