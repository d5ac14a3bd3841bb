"""What the composites' backgrounds are worth, for equal training iterations: EM-Paste's ablation of contexts.

A source of backgrounds that needs something (a folder, a model, an endpoint) is a row where ``params.yaml`` says what.
"""

from collections.abc import Mapping
from typing import Any

from empaste.studies.running import Study

ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "None: originals alone": ("none", ()),
    "Black": ("black", ()),
    "Random images without objects": ("random", ("root",)),
    "Inpainted originals": ("inpaint", ()),
    "Text-to-image": ("diffusion", ("diffusion", "model")),
    "Text-to-image by an endpoint": ("api", ("api", "model")),
}
"""By name, ``backgrounds.method`` and the key of the section ``backgrounds`` that must be set for it."""


def study_contexts(params: Mapping[str, Any]) -> Study:
    """The rows that ``params``, the content of ``params.yaml``, is complete for."""
    section = params["backgrounds"]
    rows = {row: method for row, (method, needed) in ROWS.items() if not needed or _value(section, needed)}
    return Study(
        title="Mask R-CNN by the backgrounds that it was trained on, for equal training iterations",
        stages=("backgrounds", "paste", "train", "evaluate"),
        rows={row: {"backgrounds.method": method} for row, method in rows.items()},
        seeded=("backgrounds.seed", "paste.seed", "train.seed"),
    )


def _value(section: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """What stands in ``section`` under ``keys``, one below the other; None where nothing does."""
    value: Any = section
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
