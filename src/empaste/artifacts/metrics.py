"""The stages' metrics files, together and flat."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.errors import InputError

Number = int | float


def read_metrics(folder: Path) -> dict[str, Any]:
    """The content of every ``folder/STAGE.json`` by stage; empty where there is none. `InputError` for bad JSON."""
    metrics = {}
    for path in sorted(folder.glob("*.json")):
        try:
            metrics[path.stem] = json.loads(path.read_bytes())
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}; run: dvc repro {path.stem}") from error
    return metrics


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by dotted name, in order; lists and None are leaves, empty mappings vanish."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def numbers(flat: Mapping[str, Any]) -> dict[str, Number]:
    """Those of ``flat`` that are numbers; what was not measured (None) and texts are left out."""
    return {name: value for name, value in flat.items() if isinstance(value, Number) and not isinstance(value, bool)}
