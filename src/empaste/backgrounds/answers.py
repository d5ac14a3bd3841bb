"""What an endpoint answered, kept from the moment it comes, since it costs money and its part may never be whole."""

import io
import zipfile
from pathlib import Path

import numpy as np

from empaste.artifacts.outputs import write_whole
from empaste.backgrounds.painting import Item, Outcome

SUFFIX = ".npz"


def keep_answer(folder: Path, item: Item, outcome: Outcome) -> None:
    """``folder`` holds the image that came of ``item``, whole, with the attempts that it took."""
    assert outcome.image is not None, "what failed is asked for again"
    file = io.BytesIO()
    np.savez(file, image=outcome.image, counts=np.array([outcome.attempts, outcome.num_blank]))
    write_whole(_path(folder, item), file.getvalue())


def kept_answer(folder: Path, item: Item) -> Outcome | None:
    """What `keep_answer` put into ``folder`` for ``item``; None where it is not there, or was damaged since."""
    try:
        with np.load(_path(folder, item), allow_pickle=False) as kept:
            return Outcome(kept["image"], *kept["counts"].tolist())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def count_answers(folder: Path) -> int:
    """How many answers ``folder`` holds; none where it does not exist."""
    return len(list(folder.glob(f"[!.]*{SUFFIX}")))


def _path(folder: Path, item: Item) -> Path:
    return folder / ("_".join(map(str, item.key)) + SUFFIX)
