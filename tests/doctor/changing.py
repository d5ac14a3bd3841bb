"""Parameters to examine."""

from pathlib import Path
from typing import Any

import yaml


def change(folder: Path, **changed: Any) -> None:
    """Set parameters; sections and keys are joined by two underscores."""
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text())
    for key, value in changed.items():
        *sections, name = key.split("__")
        place = content
        for section in sections:
            place = place[section]
        place[name] = value
    path.write_text(yaml.safe_dump(content))
