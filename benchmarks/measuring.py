"""What a process takes: CPU time of a call, and memory at most."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
"""What Linux states of this process."""


def cpu_seconds(run: Callable[[], Any], at_least: float = 1.0) -> float:
    """The CPU seconds of this process for one ``run``, after one that does not count.

    The mean of as many as take ``at_least`` so long.
    """
    run()
    runs, began = 0, time.process_time()
    while not runs or time.process_time() - began < at_least:
        run()
        runs += 1
    return (time.process_time() - began) / runs


def cpu_seconds_with_children() -> float:
    """The CPU seconds of this process so far, and of those that it waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_bytes() -> int:
    """The most memory that this process held, on Linux since `forget_peak`.

    On Linux ``ru_maxrss`` begins with what the process held that started this one, so the system's own mark is read.
    """
    if STATUS.exists():
        return _stated_bytes("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def held_bytes() -> int:
    """The memory that this process holds; on Linux alone."""
    return _stated_bytes("VmRSS")


def forget_peak() -> None:
    """`peak_bytes` counts from now on; on Linux alone."""
    Path("/proc/self/clear_refs").write_text("5")


def _stated_bytes(name: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
