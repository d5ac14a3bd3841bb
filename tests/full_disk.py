"""A disk that is full after some bytes."""

import contextlib
import resource
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Within the block no file can grow over ``room`` bytes: writes fail in the kernel, in whichever library."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # which would end the process
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
