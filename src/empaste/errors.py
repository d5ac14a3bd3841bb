"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""

import errno
import pickle
import re
import struct

DETECTRON2 = "https://detectron2.readthedocs.io/tutorials/install.html"
"""How to install detectron2, which no extra does: it is built for the machine's torch."""
TORCH_LOAD_ERRORS = (
    OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError,
    pickle.UnpicklingError, struct.error,
)  # fmt: skip
"""What ``torch.load`` raises for a file that is damaged or cut short, depending on where."""


LONGEST_WORD = 1000
LONGEST = 6000
"""Letters of a message."""


class InputError(ValueError):
    """Bad input, met at the boundary.

    The message names the file or key, what was received, what is allowed and the next step. Stages and the command
    line print it without a traceback and end with a non-zero exit code. What was received may be of any length: the
    message stays one that a person reads.
    """

    def __init__(self, message: str) -> None:
        """An error that says ``message``, words of over `LONGEST_WORD` letters and the middle of a long one cut."""
        words = re.sub(rf"(\S{{{LONGEST_WORD}}})\S+", r"\1…", message)
        super().__init__(words if len(words) <= LONGEST else f"{words[: LONGEST - 1000]} … {words[-1000:]}")


MACHINE_ERRORS = (InputError, OSError, MemoryError)
"""What ends a command by its message, without a traceback: bad input, and what the machine refuses."""


def explain(error: Exception) -> str:
    """The message of one of `MACHINE_ERRORS`."""
    if isinstance(error, MemoryError):
        reason = str(error) or "no more could be had"
        return f"memory is used up ({reason}); free some, or work on less at a time, and run again"
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    if error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'while writing'}); free some space and run again"
    place = f": {error.filename!r}" if error.filename is not None else ""
    return f"{error.strerror}{place}; correct that and run again"


def first_line(error: Exception) -> str:
    """The first line of what a library says; its exception's name where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def name_and_line(error: Exception) -> str:
    """The exception's name and the first line of what it says; the name alone where it says nothing."""
    name = type(error).__name__
    return f"{name}: {first_line(error)}" if str(error).strip() else name


def install_command(extra: str) -> str:
    """The command that installs the extra ``extra`` from the checkout into its activated environment."""
    return f"uv pip install -e '.[{extra}]'"


def require_extra(package: str, extra: str) -> InputError:
    """The error for an optional backend that is not installed; it names the install command."""
    return InputError(f"{package} is not installed; install it with: {install_command(extra)}")


def require_detectron2(error: ImportError) -> InputError:
    """The error for detectron2 where importing it gave ``error``; it names detectron2's own page."""
    return InputError(f"detectron2 is not installed ({error}); see {DETECTRON2}")
