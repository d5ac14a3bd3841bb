"""Which figures a stage measures, so that a study that asks for another is refused before anything runs."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.artifacts.metrics import read_metrics
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.studies.halves import BEST, CHOOSE, REPORT, STAGE
from empaste.studies.study import Study

AVERAGES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")
TABLES = (*(f"iter_{number}" for number in range(10)), "pool")
ROUNDS = tuple(f"round_{number}" for number in range(1, 10))
RATES = ("precision50", "precision75", "mean_iou", "found")
KNOWN: dict[str, tuple[str, ...]] = {
    "prepare": ("train_images", "val_images", "images_per_class"),
    "classifier": ("mAP", "AP_per_class"),
    "proposals": ("recall50", "recall70", "segments_per_image"),
    "foregrounds": tuple(f"{rate}.{table}" for rate in RATES for table in TABLES),
    "refine": tuple(f"{rate}.{number}" for rate in RATES for number in ROUNDS),
    STAGE: (BEST, *(f"{half}.{table}" for half in (CHOOSE, REPORT) for table in TABLES)),
    "evaluate": tuple(
        f"{kind}.{name}"
        for kind in ("mask", "box")
        for name in (*AVERAGES, "AP_per_class", "AP50_per_class", "AP75_per_class", "AR100_per_class")
    ),
}
"""By stage, what a study can show; what a metrics file of the last run holds beside is known, too."""


def check_metrics(study: Study, origin: Path, stages: list[str]) -> None:
    """`InputError` where the study shows a figure that none of ``stages``, those that its rows run, measures."""
    shown = dict(study.metrics)
    if study.halves:
        stages = [*stages, STAGE]
    if study.per_class:
        shown |= {"per_class.metric": study.per_class.metric, "per_class.sizes": study.per_class.sizes}
    for title, key in shown.items():
        _check(f"{origin}: the metric {title!r}", key, stages)


def _check(origin: str, key: str, stages: list[str]) -> None:
    stage, _, name = key.partition(".")
    if stage not in stages:
        raise InputError(f"{origin} is {key}, but its rows run no stage {stage!r}; choose from {', '.join(stages)}")
    known = [*KNOWN.get(stage, ()), *_measured(stage)]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean {stage}.{near[0]}?" if near else f"choose from {', '.join(known) or 'none'}"
        raise InputError(f"{origin} is {key}, which is not measured; {meant}")


def _measured(stage: str) -> list[str]:
    """What the metrics file of the last run holds: figures, and mappings of them."""
    path = HERE.metrics / f"{stage}.json"
    return _keys(read_metrics(path)) if path.exists() else []


def _keys(nested: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for key, value in nested.items():
        keys.append(f"{prefix}{key}")
        keys += _keys(value, f"{prefix}{key}.") if isinstance(value, Mapping) else []
    return keys


def figure(metrics: Mapping[str, Any], key: str) -> float | None:
    """The figure ``key`` (stage, dot, dotted name) of ``metrics`` by stage; None where it is not defined.

    DVC leaves a figure that is null out.
    """
    value = _at(metrics, key)
    return float(value) if isinstance(value, int | float) else None


def figures_by_class(metrics: Mapping[str, Any], key: str) -> dict[str, float]:
    """The figures of the classes under ``key``, by name; a class whose figure is not defined is left out."""
    value = _at(metrics, key)
    found = value if isinstance(value, Mapping) else {}
    return {name: float(one) for name, one in found.items() if isinstance(one, int | float)}


def _at(metrics: Mapping[str, Any], key: str) -> Any:
    """What stands at the dotted ``key``; None where nothing does."""
    value: Any = metrics
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
