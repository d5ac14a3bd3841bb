"""``report/index.html`` shows the whole run on one page, and MLflow holds its record.

The page is written first. Where MLflow's store cannot be used, the record is kept, and sent later.
"""

from pathlib import Path

import typer

from empaste import tracking
from empaste.artifacts.metrics import flatten, numbers, read_metrics
from empaste.artifacts.outputs import write_whole
from empaste.layout import HERE
from empaste.params import load_params
from empaste.report.figures import headline_text
from empaste.report.inputs import Run, numeric_columns, read_plot
from empaste.report.note import headline_metrics, run_note
from empaste.report.page import render_page
from empaste.report.sheets import build_sheets
from empaste.report.sheets.panels import contact_sheet, file_name
from stages.runner import stage

METRICS = (
    "prepare", "classifier", "proposals", "foregrounds", "refine", "captions", "backgrounds", "paste", "evaluate",
)  # fmt: skip
"""Stages whose metrics the page shows."""
CURVES = ("classifier", "train")
TABLES = ("prepare", "foregrounds_reliability", "paste", "precision_recall", "confusion")
"""Plots: curves of training, which go to MLflow point by point, and tables."""


@stage("report")
def main(run: Path = Path(), out: Path = HERE.report, params: Path = HERE.params) -> None:
    """Write the page of the run that lies in the folder ``run``, then record the run in MLflow."""
    settings, there = load_params(params), HERE.below(run)
    files = {name: there.metrics / f"{name}.json" for name in METRICS}
    metrics = {name: read_metrics(path) for name, path in files.items()}
    plots = {name: there.plots / f"{name}.csv" for name in (*CURVES, *TABLES)}
    tables = {name: read_plot(path) for name, path in plots.items()}
    shown = Run(there, settings.report.num_images)
    sheets = build_sheets(shown)
    write_whole(out, render_page(metrics, tables, sheets, settings.model_dump()).encode())
    kept = [(out, "report"), (params, ""), (there.lock, "")]
    kept += [(path, "metrics") for path in files.values()] + [(path, "plots") for path in plots.values()]
    # Numbered by stage, also past a sheet that is missing: MLflow sorts by name, and joins what runs call the same.
    figures = {f"{number}_{file_name(sheet)}": contact_sheet(sheet) for number, sheet in enumerate(sheets, 1)}
    record = tracking.Record(
        params=flatten(settings.model_dump()),
        metrics=numbers(flatten(metrics)),
        headline=headline_text(metrics),
        note=run_note(metrics, tracking.changes_of_this_run(params)),
        headline_metrics=headline_metrics(metrics),
        data_sets=tracking.data_sets(there.lock, settings.prepare.dataset),
        tags={name: str(value) for name, value in settings.report.tags.items()},
        curves={name: numeric_columns(tables[name]) for name in CURVES},
        files=[(path, folder) for path, folder in kept if path.exists()],
        figures={name: image for name, image in figures.items() if image is not None},
        detector=shown.detector(),
    )
    tracking.record_pipeline(record, params)


if __name__ == "__main__":
    typer.run(main)
