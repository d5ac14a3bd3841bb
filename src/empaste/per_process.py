"""A value that every process makes for itself, such as a network that it loads."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class PerProcess(Generic[Value]):
    """Called, it gives what ``make`` makes, which it calls once; sent to another process, it is the recipe alone.

    So a function that holds one makes its value once in every process that the function is sent to.
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        """``make`` can be pickled."""
        self._make = make
        self._made: list[Value] = []

    def __call__(self) -> Value:
        """The value of this process."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the value: pickled, a network would be sent with every task."""
        return PerProcess, (self._make,)
