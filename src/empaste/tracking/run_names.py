"""What a run is called in MLflow: by the parameters that differ from those of the commit that it began at."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from empaste.artifacts.metrics import flatten
from empaste.artifacts.run_record import changes, read_params
from empaste.yaml_files import parse_yaml

BASELINE = "baseline"
"""The name of a run whose parameters are those of the commit."""
MAX_SHOWN, MAX_VALUE = 4, 24
"""Parameters that a name holds, and letters of a value, at most."""
STUDY = "report.tags.study"
"""What a study sets: its experiments have names of their own, ``STUDY-row-seed``."""


def run_name(params_file: Path, revision: str, experiment: str | None) -> str:
    """``n_p=6 (loud-moth)``: what differs in ``params_file`` from the commit ``revision``, and DVC's experiment.

    A study's experiment is called by its own name; without any difference a run is called by its experiment, or
    `BASELINE`.
    """
    flat, differing = read_flat(params_file), differing_params(params_file, revision)
    if not differing or (experiment and STUDY in flat):
        return experiment or BASELINE
    shown = [f"{short_name(name, flat)}={_short_value(differing[name])}" for name in list(differing)[:MAX_SHOWN]]
    more = len(differing) - len(shown)
    text = ", ".join(shown) + (f" and {more} more" if more else "")
    return f"{text} ({experiment})" if experiment else text


def differing_params(params_file: Path, revision: str) -> dict[str, Any]:
    """What in ``params_file`` differs from the commit ``revision``, by dotted name; the report's own does not count.

    Empty where there is no such commit, or none of the file that can be read.
    """
    there = committed_params(params_file, revision)
    here = read_flat(params_file) if there else {}
    differing = [name for name in changes(here, there) if name in here and not name.startswith("report.")]
    return {name: here[name] for name in differing}


def read_flat(params_file: Path) -> dict[str, Any]:
    """The parameters in ``params_file`` by dotted name; none where there is no file."""
    return read_params(params_file) if params_file.exists() else {}


def committed_params(params_file: Path, revision: str) -> dict[str, Any]:
    """The parameters at the commit ``revision``, by dotted name.

    Empty where there is no such commit, or none of the file, or it held no YAML: nothing can be compared with that.
    """
    where = f"{revision}:./{params_file.name}"
    folder = params_file.parent
    try:
        done = subprocess.run(["git", "-C", str(folder), "show", where], capture_output=True, check=False)
        params = parse_yaml(done.stdout.decode()) if done.returncode == 0 else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return flatten(params) if isinstance(params, Mapping) else {}


def short_name(name: str, names: Mapping[str, Any]) -> str:
    """The shortest end of the dotted ``name`` that no other of ``names`` has: ``n_p``, but ``paste.seed``."""
    parts = name.split(".")
    ends = (".".join(parts[start:]) for start in reversed(range(len(parts))))
    return next((end for end in ends if sum(_ends_in(other, end) for other in names) == 1), name)


def _ends_in(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _short_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    half = MAX_VALUE // 2
    return text if len(text) <= MAX_VALUE else f"{text[: half - 1]}…{text[-half:]}"
