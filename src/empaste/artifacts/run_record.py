"""What a run leaves of itself beside its artifacts: its parameters, and DVC's record of the stages that have run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from empaste.artifacts.metrics import flatten
from empaste.errors import InputError
from empaste.yaml_files import parse_yaml


def read_params(path: Path) -> dict[str, Any]:
    """The parameters in the file at ``path`` by dotted name; `InputError` where it cannot be read."""
    return flatten(_read_sections(path))


def read_stages(lock: Path) -> dict[str, Any]:
    """What DVC's lock file records of every stage that has run; `InputError` where it cannot be read."""
    stages: dict[str, Any] = _read_sections(lock).get("stages") or {}
    return stages


def recorded_outputs(stages: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """By path, every output that DVC records of ``stages``: the stage that wrote it, and its hash and sizes."""
    return {entry["path"]: (name, entry) for name, stage in stages.items() for entry in stage.get("outs") or []}


def changes(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between flat mappings, with both values, None where one lacks it; in the order of ``here``."""
    pairs = {name: (here.get(name), there.get(name)) for name in [*here, *there]}
    return {name: (ours, theirs) for name, (ours, theirs) in pairs.items() if ours != theirs}


def _read_sections(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}); run: dvc repro") from error
    if not isinstance(content, dict | None):
        raise InputError(f"{path} holds no sections; run: dvc repro")
    return content or {}
