"""One run of the pipeline as a run of MLflow: parameters, metrics, curves, figures, files and the model."""

import io
import math
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from empaste.layout import HERE
from empaste.tracking.data_sets import DataSet, log_data_sets
from empaste.tracking.identity import open_run
from empaste.tracking.names import HEADLINE, curve_name, mlflow_name, mlflow_value
from empaste.tracking.store import Store, active, clear_errors, connect, find_store, is_enabled, loading_trouble

MODEL_NAME = "empaste-mask-rcnn"
"""The name of the registered model; every run adds a version."""
MAX_CHART_WIDTH = 1000
"""Pixels; MLflow keeps images as PNG, which are several times as large as JPEG."""
PARAMS_AT_ONCE, POINTS_AT_ONCE = 100, 500
"""How many are sent in one batch; MLflow takes at most 100 parameters and 1,000 points."""

Curve = Mapping[str, Sequence[float]]
"""Columns of equal length; the first holds the steps."""
Point = tuple[str, int, float]
"""Name, step and value."""


@dataclass(frozen=True)
class Record:
    """What one run of the pipeline leaves in MLflow; names are flat and dotted."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    headline: str
    note: str = ""
    """Markdown that MLflow shows on the run's page."""
    headline_metrics: Mapping[str, float] = field(default_factory=dict)
    """Those that MLflow shows before all others, in this order."""
    data_sets: Sequence[DataSet] = ()
    curves: Mapping[str, Curve] = field(default_factory=dict)
    files: Sequence[tuple[Path, str]] = ()
    """Files and folders, each with the artifact folder that it goes to ("" for the top)."""
    figures: Mapping[str, bytes] = field(default_factory=dict)
    """Images by file name; MLflow sets those of several runs side by side."""
    tags: Mapping[str, str] = field(default_factory=dict)
    detector: tuple[Path, bytes] | None = None
    """The folder of a trained detector and the bytes of an example image: they become a model that can be served."""


def record_pipeline(record: Record, params_file: Path = HERE.params) -> str | None:
    """The id of the finished MLflow run that holds ``record``; None, and nothing is done, where recording is off.

    Continues the run that `empaste.tracking.live.live_curve` opened in this run of the pipeline. Open runs of this
    machine whose pipelines were killed are closed as KILLED. `InputError` where the store cannot be reached.
    """
    if not is_enabled():
        return None
    store = find_store()
    with clear_errors(store):
        client, experiment_id = connect(store)
        run_id = open_run(client, experiment_id, params_file)
        try:
            _log_record(client, run_id, record, store)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return run_id


def _log_record(client: Any, run_id: str, record: Record, store: Store) -> None:
    _log_params(client, run_id, record.params)
    first = {f"{HEADLINE}{name}": value for name, value in record.headline_metrics.items()}
    measured = {**first, **record.metrics}
    log_points(client, run_id, [(name, 0, value) for name, value in measured.items()])
    for name, curve in record.curves.items():
        _log_curve(client, run_id, name, curve)
    for name, value in record.tags.items():
        client.set_tag(run_id, mlflow_name(name), mlflow_value(value))
    client.set_tag(run_id, "headline", record.headline)
    client.set_tag(run_id, "mlflow.note.content", mlflow_value(record.note or record.headline))
    log_data_sets(client, run_id, record.data_sets)
    for path, folder in record.files:
        log = client.log_artifacts if path.is_dir() else client.log_artifact
        log(run_id, str(path), folder or None)
    _log_figures(client, run_id, record.figures)
    if record.detector:
        _log_detector(store, run_id, *record.detector)


def _log_params(client: Any, run_id: str, params: Mapping[str, Any]) -> None:
    """Log every parameter; a value that is too long for MLflow is cut off."""
    from mlflow.entities import Param

    entries = [Param(mlflow_name(name), mlflow_value(value)) for name, value in params.items()]
    for batch in _batches(entries, PARAMS_AT_ONCE):
        client.log_batch(run_id, params=batch)


def _log_curve(client: Any, run_id: str, name: str, curve: Curve) -> None:
    """Log every point of ``curve`` that `empaste.tracking.live.live_curve` has not sent."""
    (_, steps), *columns = curve.items()
    for column, values in columns:
        key = curve_name(name, column)
        sent = {metric.step for metric in client.get_metric_history(run_id, mlflow_name(key))}
        points = [(key, int(step), value) for step, value in zip(steps, values, strict=True)]
        log_points(client, run_id, [point for point in points if point[1] not in sent])


def log_points(client: Any, run_id: str, points: Iterable[Point]) -> None:
    """Log every point whose value is finite."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    finite = (point for point in points if math.isfinite(point[2]))
    entries = [Metric(mlflow_name(name), float(value), now, step) for name, step, value in finite]
    for batch in _batches(entries, POINTS_AT_ONCE):
        client.log_batch(run_id, metrics=batch)


def _batches(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _log_figures(client: Any, run_id: str, figures: Mapping[str, bytes]) -> None:
    if not figures:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, data in figures.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder, "figures")
    for name, data in figures.items():
        # As MLflow's own kind of image, too: its charts show those of one key of several runs beside each other.
        client.log_image(run_id, _shrunk(data), key=Path(name).stem, step=0, synchronous=True)


def _shrunk(data: bytes) -> Any:
    """The image in ``data`` no wider than `MAX_CHART_WIDTH`, as Pillow's."""
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    image.thumbnail((MAX_CHART_WIDTH, 100 * MAX_CHART_WIDTH))
    return image


def _log_detector(store: Store, run_id: str, folder: Path, example: bytes) -> None:
    """Log the model through MLflow's fluent functions, which work on one store at a time."""
    from empaste.serving import log_served_detector

    if trouble := loading_trouble(store):
        print(f"WARNING: {trouble}", file=sys.stderr)
    with active(store):
        log_served_detector(run_id, folder, example, MODEL_NAME)
