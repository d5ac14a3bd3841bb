"""One run of the pipeline as a run of MLflow: parameters, metrics, curves, figures, files and the model.

A record or points that were sent before, wholly or in part, can be sent again: nothing is then there twice.
"""

import io
import math
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from empaste.tracking.data_sets import log_data_sets
from empaste.tracking.names import HEADLINE, SHEETS, curve_name, mlflow_name, mlflow_value
from empaste.tracking.record import Curve, Point, Record
from empaste.tracking.store import Store, active, loading_trouble

MODEL_NAME = "empaste-mask-rcnn"
"""The name of the registered model; every run adds a version."""
MAX_CHART_WIDTH = 1000
"""Pixels; MLflow keeps images as PNG, which are several times as large as JPEG."""
PARAMS_AT_ONCE, POINTS_AT_ONCE = 100, 500
"""How many are sent in one batch; MLflow takes at most 100 parameters and 1,000 points."""


def log_record(client: Any, run_id: str, record: Record, time_ms: int, store: Store) -> None:
    """The run ``run_id`` of ``store`` holds ``record``, measured at ``time_ms``."""
    _log_params(client, run_id, record.params)
    first = {f"{HEADLINE}{name}": value for name, value in record.headline_metrics.items()}
    measured = {**first, **record.metrics}
    log_points(client, run_id, [(name, 0, value) for name, value in measured.items()], time_ms)
    for name, curve in record.curves.items():
        _log_curve(client, run_id, name, curve, time_ms)
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


def _log_curve(client: Any, run_id: str, name: str, curve: Curve, time_ms: int) -> None:
    """Log every point of ``curve`` that `empaste.tracking.live.live_curve` has not sent."""
    (_, steps), *columns = curve.items()
    for column, values in columns:
        key = curve_name(name, column)
        sent = {metric.step for metric in client.get_metric_history(run_id, mlflow_name(key))}
        points = [(key, int(step), value) for step, value in zip(steps, values, strict=True)]
        log_points(client, run_id, [point for point in points if point[1] not in sent], time_ms)


def log_points(client: Any, run_id: str, points: Iterable[Point], time_ms: int) -> None:
    """Log every point whose value is finite, as of ``time_ms``; the same points with the same time are there once."""
    from mlflow.entities import Metric

    finite = (point for point in points if math.isfinite(point[2]))
    entries = [Metric(mlflow_name(name), float(value), time_ms, step) for name, step, value in finite]
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
    there = [Path(file.path).name for file in client.list_artifacts(run_id, "images")]
    for name, data in figures.items():
        key = f"{SHEETS}{Path(name).stem}"
        if any(re.match(rf"{re.escape(key.replace('/', '~'))}[+%]", file) for file in there):
            continue  # MLflow gives every image a name of its own
        # As MLflow's own kind of image, too: its charts show those of one key of several runs beside each other.
        client.log_image(run_id, _shrunk(data), key=key, step=0, synchronous=True)


def _shrunk(data: bytes) -> Any:
    """The image in ``data`` no wider than `MAX_CHART_WIDTH`, as Pillow's."""
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    image.thumbnail((MAX_CHART_WIDTH, 100 * MAX_CHART_WIDTH))
    return image


def _log_detector(store: Store, run_id: str, folder: Path, example: bytes) -> None:
    """Log the model through MLflow's fluent functions, which work on one store at a time."""
    from empaste.serving import log_served_detector

    if _is_registered(store, run_id):
        return
    if trouble := loading_trouble(store):
        print(f"WARNING: {trouble}", file=sys.stderr)
    with active(store):
        log_served_detector(run_id, folder, example, MODEL_NAME)


def _is_registered(store: Store, run_id: str) -> bool:
    """Whether the run's detector is a version of the registered model."""
    from mlflow import MlflowClient

    registry = MlflowClient(tracking_uri=store.uri, registry_uri=store.registry)
    return bool(registry.search_model_versions(f"run_id = '{run_id}'"))
