"""The stages' metrics files, together and flat."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.artifacts.json_files import read_own_json
from empaste.errors import InputError

Number = int | float


def read_metrics(path: Path) -> dict[str, Any]:
    """The content of a stage's metrics file; `InputError` where it is missing or no JSON object."""
    stage = path.stem
    content = read_own_json(path, f"dvc repro {stage}")
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}, not named figures; run: dvc repro {stage}")
    return content


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
