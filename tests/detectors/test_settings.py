"""The choices that ``params.yaml`` allows are those that there are, and to read them needs no torch."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from empaste.detectors.backends import BACKENDS
from empaste.detectors.learner import OPTIMIZERS
from empaste.detectors.schedule import SCHEDULES
from empaste.detectors.settings import TrainSettings
from empaste.detectors.training import PRECISIONS

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("backend", [*BACKENDS]),
        ("optimizer", [*OPTIMIZERS]),
        ("schedule", [*SCHEDULES]),
        ("precision", [*PRECISIONS]),
    ],
)
def test_choices_are_the_registered_ones(field: str, names: list[str]) -> None:
    assert sorted(get_args(TrainSettings.model_fields[field].annotation)) == sorted(names)


def test_reading_the_settings_imports_no_torch() -> None:
    code = "import sys, empaste.detectors.settings, empaste.evaluation.settings; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP / "src", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
