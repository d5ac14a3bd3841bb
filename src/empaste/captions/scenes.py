"""What a captioner is given."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scene:
    """A training image: its id, its file, and the (name, supercategory) of the classes that its labels say it shows."""

    image_id: int
    path: Path
    classes: tuple[tuple[str, str], ...]
