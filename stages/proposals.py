"""``data/segments`` holds the class-agnostic segments of every training image.

Ground truth of the training split is read to measure their recall, and for nothing else.
"""

import sys
import time
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.image_keys import named_images
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.artifacts.truth import read_truth
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.proposals import IN_PROCESS
from empaste.proposals.recall import proposal_metrics
from empaste.proposals.settings import ProposalsSettings
from empaste.proposals.table import match_source, propose_rows, segment_table
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
    table = read_table(images / "images.parquet", Images)
    train = table[table["split"] == "train"]
    items = [(number, images / name) for number, name in zip(train["image_id"], train["file_name"], strict=True)]
    source, lines = match_source(settings.source(settings.method), named_images(table))
    for line in lines:
        print(line if line.startswith("WARNING") else f"proposals: {line}", file=sys.stderr)
    propose = partial(propose_rows, **source)
    started = time.monotonic()
    workers = 1 if settings.method in IN_PROCESS else None
    segments = segment_table(map_items(propose, items, "proposals", workers))
    _print_speed(time.monotonic() - started, len(items))
    if segments.empty:
        raise InputError(
            f"proposals.method {settings.method} gave none of {len(items)} images an eligible segment; loosen "
            "proposals.min_area or max_extent, or see that the method fits the images"
        )
    with whole_directory(out) as folder:
        write_table(segments, folder / "segments.parquet", Segments)
    measured = proposal_metrics(segments, read_truth(ground_truth), len(items))
    write_json(metrics, measured)
    if without := measured["images_without_segments"]:
        print(f"proposals: {without} of {len(items)} images have no segment and give no foreground", file=sys.stderr)


def _print_speed(seconds: float, num_images: int) -> None:
    """The time per image; printed rather than written, since a metrics file holds what a re-run gives again."""
    per_image = 1000 * seconds * num_workers() / num_images
    print(f"proposals: {per_image:.0f} ms per image and core", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
