"""The shipped parameters with changes, and a small data set's scale with changes."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from empaste.costs.scale import Counts, Scale
from empaste.params import Params
from empaste.presets import override
from empaste.settings import read_sections, validate

TOP = Path(__file__).parents[2]
COUNTS = Counts(train=10, val=4, pairs=15, classes=3, height=40, width=50, image_bytes=1000.0)


@cache
def _sections() -> dict[str, Any]:
    return read_sections(TOP / "params.yaml")


def params_with(changes: dict[str, Any] | None = None) -> Params:
    """The shipped parameters, but for ``changes`` by dotted key."""
    return validate(override(_sections(), changes or {}), Params, TOP / "params.yaml")


def scale_with(**changes: Any) -> Scale:
    """Ten training images of 1.5 labels and 8 segments each, but for ``changes``."""
    return replace(Scale(COUNTS, segments=80, originals=9, captions=20, candidates=20, backgrounds=12), **changes)
