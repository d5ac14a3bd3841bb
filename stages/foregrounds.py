"""``data/foregrounds`` holds the segment chosen per (image, class): by Step 1, after every F-EM iteration, at the end.

What a person decided on earlier choices (``empaste review``) binds them. Ground truth of the training split is read to
measure the choices, and for nothing else.
"""

from pathlib import Path

import typer

from empaste.artifacts.chosen_masks import BY_HAND, DECIDED, with_by_hand
from empaste.artifacts.foreground_decisions import read_foreground_decisions
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.remarks import summarise
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_table
from empaste.artifacts.truth import read_truth
from empaste.foregrounds.decided import find_decided
from empaste.foregrounds.initial import misfit
from empaste.foregrounds.quality import foreground_metrics, reliability_curve, reliability_of
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import asks_for_evidence, read_tables
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import note, stage


@stage("foregrounds")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    cams: Path = HERE.cams,
    features: Path = HERE.features,
    evidence: Path = HERE.evidence,
    decisions: Path = HERE.foreground_decisions,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.foregrounds,
    metrics: Path = HERE.metrics / "foregrounds.json",
    reliability: Path = HERE.plots / "foregrounds_reliability.csv",
    params: Path = HERE.params,
) -> None:
    """Choose foregrounds, write every iteration, and measure them where there are masks."""
    settings = load_settings(params, "foregrounds", ForegroundsSettings)
    tables = read_tables(labels, segments, cams, features, evidence if asks_for_evidence(settings) else None)
    if doubt := misfit(tables.segments, settings):
        note([f"foregrounds: {doubt}"])
    made, classes = read_foreground_decisions(decisions), read_from(labels, Classes)
    decided = find_decided(made, read_from(images, Images), classes, tables.cams, tables.segments)
    note(f"foregrounds: {line}" for line in summarise(decided.remarks))
    chosen = select_foregrounds(settings, tables, decided)
    masks = with_by_hand(tables.segments, decided.by_hand)
    del tables  # the ground truth takes as much memory
    with whole_directory(out) as folder:
        for name, table in chosen.items():
            write_table(table, folder / f"{name}.parquet", Foregrounds)
        if decided.by_hand is not None:
            write_table(decided.by_hand, folder / BY_HAND, Segments)
        if len(held := decided.rows_of(chosen["pool"])):
            write_table(held, folder / DECIDED, Foregrounds)
    truth = read_truth(ground_truth)
    measured = foreground_metrics(chosen, masks, truth, classes)
    write_json(metrics, measured | ({"decisions": decided.counts._asdict()} if made else {}))
    curve = reliability_curve(reliability_of(chosen["pool"], masks, truth))
    write_whole(reliability, curve.to_csv(index=False).encode())
    note(
        f"foregrounds: no foreground of {name} was found; the pipeline goes on without it"
        for name, count in measured["masks_per_class"].items()
        if not count
    )


if __name__ == "__main__":
    typer.run(main)
