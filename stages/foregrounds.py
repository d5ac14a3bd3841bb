"""``data/foregrounds`` holds the segment chosen per (image, class): by Step 1, after every F-EM iteration, at the end.

Ground truth of the training split is read to measure the choices, and for nothing else.
"""

import sys
from pathlib import Path

import typer

from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes
from empaste.artifacts.tables import read_from, write_table
from empaste.artifacts.truth import read_truth
from empaste.foregrounds.initial import misfit
from empaste.foregrounds.quality import foreground_metrics, reliability_curve, reliability_of
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import asks_for_evidence, read_tables
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("foregrounds")
def main(
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    cams: Path = HERE.cams,
    features: Path = HERE.features,
    evidence: Path = HERE.evidence,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.foregrounds,
    metrics: Path = HERE.metrics / "foregrounds.json",
    reliability: Path = HERE.plots / "foregrounds_reliability.csv",
    params: Path = HERE.params,
) -> None:
    """Choose foregrounds, write every iteration, and measure them where there are masks."""
    settings = load_settings(params, "foregrounds", ForegroundsSettings)
    tables = read_tables(labels, segments, cams, features, evidence if asks_for_evidence(settings) else None)
    doubt = misfit(tables.segments, settings)
    if doubt:
        print(f"foregrounds: {doubt}", file=sys.stderr)
    chosen = select_foregrounds(settings, tables)
    with whole_directory(out) as folder:
        for name, table in chosen.items():
            write_table(table, folder / f"{name}.parquet", Foregrounds)
    truth = read_truth(ground_truth)
    measured = foreground_metrics(chosen, tables.segments, truth, read_from(labels, Classes))
    write_json(metrics, measured)
    curve = reliability_curve(reliability_of(chosen["pool"], tables.segments, truth))
    write_whole(reliability, curve.to_csv(index=False).encode())
    for name, count in measured["masks_per_class"].items():
        if not count:
            print(f"foregrounds: no foreground of {name} was found; the pipeline goes on without it", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
