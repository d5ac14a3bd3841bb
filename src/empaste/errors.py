"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class InputError(ValueError):
    """Bad input, met at the boundary.

    The message names the file or key, what was received, what is allowed and the next step. Stages and the command
    line print it without a traceback and end with a non-zero exit code.
    """


def require_extra(package: str, extra: str) -> InputError:
    """The error for an optional backend that is not installed; it names the install command."""
    return InputError(f"{package} is not installed; install it with: pip install 'empaste[{extra}]'")
