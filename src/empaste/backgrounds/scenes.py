"""What a generator is given, and what it gives."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Scene:
    """A training image, the segments to erase (counts of their RLEs, likeliest first), its captions (id, prompt)."""

    image_id: int
    path: Path
    height: int
    width: int
    erase: tuple[str, ...] = ()
    captions: tuple[tuple[int, str], ...] = ()


NO_CAPTION = -1
"""The ``caption_id`` of a background that was made without one."""


@dataclass(frozen=True)
class Candidate:
    """A background that was made, with the caption that it was made from."""

    image: UInt8[np.ndarray, "h w 3"]
    caption_id: int = NO_CAPTION
    prompt: str = ""


@dataclass(frozen=True)
class Made:
    """What came of one scene: the candidates, how many came out blank, whether there was context enough to make any."""

    candidates: list[Candidate] = field(default_factory=list)
    num_blank: int = 0
    has_context: bool = True
