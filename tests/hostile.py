"""Files that would run code where a reader lets them: each makes a folder that shows it."""

import os
from pathlib import Path
from typing import Any

import torch


class Harmful:
    """Makes the folder ``marker`` where its pickle is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def save_harmful(path: Path, marker: Path) -> None:
    """``path`` holds weights in PyTorch's form that would make the folder ``marker``."""
    torch.save({"state_dict": Harmful(marker), "weight": torch.zeros(1)}, path)


def harmful_code(marker: Path, class_name: str) -> str:
    """A module with the class ``class_name`` that makes the folder ``marker`` where it is imported."""
    return f"import os\nos.mkdir({str(marker)!r})\n\n\nclass {class_name}:\n    pass\n"
