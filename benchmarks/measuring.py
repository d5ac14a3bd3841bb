"""What a process takes: CPU time of a call, and memory at most."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


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


def peak_bytes() -> int:
    """The most memory that this process held.

    On Linux ``ru_maxrss`` begins with what the process held that started this one, so the system's own mark is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(
            int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM:")
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
