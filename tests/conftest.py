"""The order of the suite; and the types and shapes in signatures, which are checked at every call of a test."""

import io
import sys
from functools import partial
from types import ModuleType
from typing import Any, BinaryIO

import dvc  # noqa: F401 (its log writes to the stdout that it was imported with: to that of a test, unless it is here)
import numpy as np
import pytest
from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import install_import_hook

# NumPy's scalars are numbers, a whole number may stand where any number may, and io's files are files.
WIDER: FrozenDict[Any, Any] = FrozenDict(
    {int: int | np.integer, float: float | int | np.floating | np.integer, BinaryIO: BinaryIO | io.IOBase}
)
checking = ModuleType("run_time_types")
checking.__dict__["check"] = partial(beartype, conf=BeartypeConf(hint_overrides=WIDER))
sys.modules[checking.__name__] = checking
install_import_hook("empaste", f"{checking.__name__}.check")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that run the whole pipeline come first: they take longest, and the others fit beside them."""
    items.sort(key=lambda item: item.path.parent.name != "pipeline")
