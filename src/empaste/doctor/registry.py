"""All checks, by what they look at: a new check is one function in the file of its subject, and one line here."""

from collections.abc import Callable, Iterator
from pathlib import Path

from empaste.doctor.check import Check, Found, run
from empaste.doctor.machine import check_device, check_formats, check_letters, check_python, check_workers
from empaste.doctor.packages import check_optional, check_required, check_weights
from empaste.doctor.parameters import (
    check_backgrounds,
    check_captions,
    check_contours,
    check_detector,
    check_method,
    check_paths,
    read_params,
)
from empaste.doctor.repository import check_disk, check_dvc, check_git, check_outputs
from empaste.doctor.tracking import check_kept_runs, check_models, check_tracking
from empaste.layout import HERE
from empaste.params import Params

MACHINE: tuple[Callable[[], Found], ...] = (
    check_python,
    check_device,
    check_workers,
    check_formats,
    check_letters,
)
PACKAGES: tuple[Callable[[], Found], ...] = (
    check_required,
    check_optional,
    check_weights,
)
PARAMETERS: tuple[Callable[[Params], Found], ...] = (
    check_method,
    check_contours,
    check_captions,
    check_backgrounds,
    check_detector,
    check_paths,
)
"""They look at parameters that are valid."""
REPOSITORY: tuple[Callable[[Path], Found], ...] = (
    check_disk,
    check_git,
    check_dvc,
    check_outputs,
)
"""They look at the folder of the repository."""
TRACKING: tuple[Callable[[], Found], ...] = (
    check_tracking,
    check_models,
    check_kept_runs,
)


def examine(folder: Path) -> Iterator[tuple[str, list[Check]]]:
    """Heading → lines about this machine and about the repository in ``folder``."""
    params, found = read_params(folder / HERE.params)
    yield "This machine", run(MACHINE)
    yield "Packages", run(PACKAGES)
    yield "Parameters", found + (run(PARAMETERS, params) if params else [])
    yield "Data and artifacts", run(REPOSITORY, folder)
    yield "MLflow", run(TRACKING)
