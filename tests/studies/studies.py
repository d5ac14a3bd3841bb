"""Studies made up for tests."""

from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
CONTENT: dict[str, Any] = {
    "title": "Numbers of pasted objects",
    "question": "How many are best?",
    "compare_with": "few",
    "metrics": {"mAP50": "evaluate.mask.AP50"},
    "seeded": ["paste.seed"],
    "rows": {
        "few": {"title": "One", "set": {"paste.n_p": 1}, "published": {"mAP50": 56.5}},
        "many": {"title": "Six", "set": {"paste.n_p": 6}},
    },
}


def write_study(folder: Path, name: str = "numbers", **changes: Any) -> Path:
    """The file of the study `CONTENT` with ``changes``; None removes a part."""
    path = folder / "studies" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    content = {key: value for key, value in (CONTENT | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
