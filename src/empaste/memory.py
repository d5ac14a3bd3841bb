"""Memory that a process has freed and will ask for again.

A network on a CPU makes and frees maps of many megabytes in every layer. glibc gives each of them back to the system,
and the next one is fresh pages, which the kernel must clear first: two fifths of the time of a small network's forward
pass (benchmarks/kept_memory.py).
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""glibc's names of what `mallopt` sets: M_TRIM_THRESHOLD and M_MMAP_MAX."""
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """What this process frees from now on stays with it, to be used again; whether the C library does so.

    It changes no result. The process ends with as much memory as it once held at most. Only glibc can be told so.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
