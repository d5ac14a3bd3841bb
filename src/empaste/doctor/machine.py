"""This machine: Python, the device that torch computes on, worker processes, image formats, fonts."""

import os
import sys
from collections.abc import Sequence

from PIL import features

from empaste.doctor.check import Check
from empaste.errors import InputError
from empaste.report.fonts import describe_letters
from empaste.scaleout import describe_engine

OLDEST_PYTHON = (3, 11)


def check_python(version: Sequence[int] = sys.version_info[:3]) -> Check:
    """Whether Python is recent enough."""
    text = f"Python {'.'.join(map(str, version))}"
    if tuple(version) >= OLDEST_PYTHON:
        return Check("ok", text)
    return Check("broken", f"{text}; install {'.'.join(map(str, OLDEST_PYTHON))} or later")


def check_device() -> Check:
    """What torch computes on."""
    import torch

    cores = os.cpu_count()
    if torch.cuda.is_available():
        return Check("ok", f"torch {torch.__version__} on {torch.cuda.get_device_name()}, {cores} cores")
    kind = "Apple's GPU (mps)" if torch.backends.mps.is_available() else "the CPU, no GPU found"
    return Check("ok", f"torch {torch.__version__} on {kind}, {cores} cores")


def check_workers() -> Check:
    """How many processes work side by side, and where."""
    try:
        return Check("ok", describe_engine())
    except InputError as error:
        return Check("broken", str(error))


def check_formats() -> Check:
    """Whether Pillow was built with every format that photographs come in."""
    missing = [name for name in ("avif", "webp", "jpg_2000") if not features.check(name)]
    if missing:
        return Check(
            "note", f"Pillow here reads no {', '.join(missing)}; for such photographs run: pip install -U pillow"
        )
    return Check("ok", "Pillow reads AVIF, WebP and JPEG 2000")


def check_letters() -> Check:
    """Whether labels can be drawn in every script."""
    return Check(*describe_letters())
