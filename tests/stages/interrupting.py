"""Stages that work in parts, interrupted and run again."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from empaste.artifacts.work_parts import finish_parts

PER_PART = 2


class Interruption:
    """Cuts the work of a module into parts of `PER_PART` items; ``asked`` holds how many items each run made."""

    def __init__(self, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.left = -1
        """Parts to write until Ctrl-C comes; below 0: it does not."""
        monkeypatch.setattr(module, "finish_parts", self.finish_parts)

    def finish_parts(
        self,
        work: Path,
        what: str,
        items: Sequence[Any],
        make: Callable[[Sequence[Any]], Iterable[Any]],
        write: Callable[[Path, Sequence[Any]], None],
        per_part: int = PER_PART,  # noqa: ARG002  # what the stage asks for
    ) -> list[Path]:
        def make_noted(rest: Sequence[Any]) -> Iterable[Any]:
            self.asked.append(len(rest))
            return make(rest)

        def write_some(folder: Path, results: Sequence[Any]) -> None:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            write(folder, results)

        return finish_parts(work, what, items, make_noted, write_some, PER_PART)


def assert_goes_on(
    main: Callable[[], None], outputs: Sequence[Path], module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of ``main`` that ends after its first part is gone on with, and ends with the bytes of a whole run.

    ``module`` is where the stage's work is done in parts, ``outputs`` are the files that it writes.
    """
    main()
    whole = [path.read_bytes() for path in outputs]
    interruption = Interruption(module, monkeypatch)
    interruption.left = 1
    with pytest.raises(KeyboardInterrupt):
        main()
    assert [path.read_bytes() for path in outputs] == whole, "the earlier outputs stand"
    interruption.left = -1
    main()
    assert [path.read_bytes() for path in outputs] == whole
    first, second = interruption.asked
    assert second == first - PER_PART > 0
    assert not list(Path(".work").glob("*/*/part-*"))
