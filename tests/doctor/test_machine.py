"""What this machine has: Python, workers, formats."""

import pytest
from PIL import features

from empaste.doctor import machine
from empaste.doctor.check import Check


def test_old_python_is_broken() -> None:
    assert machine.check_python((3, 11, 0)) == Check("ok", "Python 3.11.0")
    assert machine.check_python((3, 10, 9)) == Check("broken", "Python 3.10.9; install 3.11 or later")


def test_workers_that_are_no_number_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    assert machine.check_workers() == Check("ok", "3 worker processes (EMPASTE_WORKERS)")
    monkeypatch.setenv("EMPASTE_WORKERS", "many")
    assert machine.check_workers().state == "broken"


def test_formats_that_pillow_lacks_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    assert machine.check_formats() == Check(
        "note", "Pillow here reads no avif; for such photographs run: pip install -U pillow"
    )
