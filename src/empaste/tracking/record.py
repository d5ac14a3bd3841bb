"""What one run of the pipeline leaves in MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from empaste.tracking.data_sets import DataSet

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
