"""``report/index.html`` shows the whole run on one page, and MLflow holds its record.

The page is written first: where MLflow's store cannot be reached the stage fails, and the page stays for a reader.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import typer

from empaste import tracking
from empaste.artifacts.metrics import flatten, numbers, read_metrics
from empaste.artifacts.outputs import write_whole
from empaste.params import load_params
from empaste.report.figures import headline_text
from empaste.report.inputs import Run, RunFiles, read_plot
from empaste.report.page import render_page
from empaste.report.sheets import build_sheets, contact_sheet, file_name
from stages.runner import stage

FILES = RunFiles(
    images=Path("data/images"),
    labels=Path("data/labels"),
    train_truth=Path("data/ground_truth/train.json"),
    val_truth=Path("data/ground_truth/val.json"),
    segments=Path("data/segments"),
    cams=Path("data/cams"),
    foregrounds=Path("data/foregrounds"),
    captions=Path("data/captions"),
    backgrounds=Path("data/backgrounds"),
    composites=Path("data/composites"),
    detections=Path("data/detections"),
)
METRICS = (
    Path("metrics/prepare.json"),
    Path("metrics/classifier.json"),
    Path("metrics/proposals.json"),
    Path("metrics/foregrounds.json"),
    Path("metrics/captions.json"),
    Path("metrics/backgrounds.json"),
    Path("metrics/paste.json"),
    Path("metrics/evaluate.json"),
)
CURVES = (Path("plots/classifier.csv"), Path("plots/train.csv"))
TABLES = (
    Path("plots/prepare.csv"),
    Path("plots/foregrounds_reliability.csv"),
    Path("plots/paste.csv"),
    Path("plots/precision_recall.csv"),
    Path("plots/confusion.csv"),
)
MODEL = Path("models/mask_rcnn")


@stage("report")
def main(run: Path = Path(), out: Path = Path("report/index.html"), params: Path = Path("params.yaml")) -> None:
    """Write the page of the run that lies in the folder ``run``, then record the run in MLflow."""
    settings = load_params(params)
    metrics = {path.stem: read_metrics(run / path) for path in METRICS}
    curves = {path.stem: read_plot(run / path) for path in (*CURVES, *TABLES)}
    sheets = build_sheets(Run(FILES.below(run), settings.report.num_images))
    write_whole(out, render_page(metrics, curves, sheets, settings.model_dump()).encode())
    files = [(out, "report"), (params, ""), (run / "dvc.lock", "")]
    files += [(run / path, path.parent.name) for path in (*METRICS, *CURVES, *TABLES)]
    figures = {file_name(sheet): contact_sheet(sheet) for sheet in sheets}
    record = tracking.Record(
        params=flatten(settings.model_dump()),
        metrics=numbers(flatten(metrics)),
        headline=headline_text(metrics),
        curves={path.stem: _columns(curves[path.stem]) for path in CURVES},
        files=[(path, folder) for path, folder in files if path.exists()],
        figures={name: image for name, image in figures.items() if image is not None},
        detector=_detector(run),
    )
    tracking.record_pipeline(record, params)


def _detector(run: Path) -> tuple[Path, bytes] | None:
    """The trained detector with an image to try it on; None where there is none."""
    images = sorted((run / FILES.images).glob("*/*.*"))
    return (run / MODEL, images[0].read_bytes()) if images and (run / MODEL).is_dir() else None


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    """The columns of numbers, the steps first."""
    numeric = table.select_dtypes("number")
    return {str(name): numeric[name].tolist() for name in numeric.columns}


if __name__ == "__main__":
    typer.run(main)
