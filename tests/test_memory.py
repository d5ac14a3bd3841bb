"""Memory that was freed stays with the process, where the C library is glibc."""

import platform
import subprocess
import sys

import pytest

from empaste import memory

MEASURE = """
import resource, numpy as np
from empaste.memory import keep_freed_memory
assert {kept} is None or keep_freed_memory() is {kept}
np.ones(10**7)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(10**7)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(kept: bool | None) -> int:
    """How many new pages a process of its own asks for while it makes and frees 80 MB twenty times."""
    return int(subprocess.check_output([sys.executable, "-c", MEASURE.format(kept=kept)], text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_freed_memory_is_used_again() -> None:
    assert page_faults(kept=True) * 10 < page_faults(kept=None)


def test_another_system_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed_memory() is False
