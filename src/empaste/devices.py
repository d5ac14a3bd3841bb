"""The device that torch computes on, and the threads of a CPU."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

from empaste.errors import InputError


def torch_device(name: str) -> torch.device:
    """The device ``name``; ``auto`` is the first there is of cuda, mps, cpu. `InputError` where it is not there."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name, False):
        there = ", ".join(["auto", *(kind for kind in available if available[kind])])
        raise InputError(f"device is {name!r}, which this machine does not offer; choose from {there}")
    return torch.device(name)


@contextmanager
def one_thread() -> Iterator[None]:
    """torch computes with one CPU thread within the block, and with as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def limit_threads(num_threads: int) -> None:
    """torch computes with ``num_threads`` CPU threads (0: one per core), OpenCV with one."""
    torch.set_num_threads(num_threads or os.cpu_count() or 1)
    cv2.setNumThreads(1)
