"""Which images validate where a data set does not say: each is drawn by the seed and its own name alone.

So an image stays in its split whatever is added to the data set or taken away: nothing that a detector has learned
from moves among what measures it.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from empaste.datasets.records import Split
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError

NO_SPLITS = "has no splits"
"""What a warning says where the splits were drawn."""


def drawn_splits(
    names: Sequence[str], settings: PrepareSettings, origin: Path, warnings: list[str]
) -> dict[str, Split]:
    """Per name its split: about ``settings.val_fraction`` of them validate, at least one and not all.

    A warning says so.
    """
    splits = splits_by_seed(names, settings, origin)
    val = sum(split == "val" for split in splits.values())
    warnings.append(
        f"{origin} {NO_SPLITS}: {val} of {len(splits)} images validate, drawn by prepare.seed; "
        "prepare.val_fraction sets their share"
    )
    return splits


def splits_by_seed(names: Sequence[str], settings: PrepareSettings, origin: Path) -> dict[str, Split]:
    """The same without a word; `InputError` where there are fewer than 2 names.

    A name's split depends on no other name, and with a larger share those that validate still do. Where all would come
    into one split, the name whose draw is nearest to the border comes into the other, and may return when others come.
    """
    draws = {name: _draw(name, settings.seed) for name in sorted(set(names))}
    if len(draws) < 2:
        images = "1 image" if draws else "no images"
        raise InputError(f"{origin} lists {images}; to train and to validate it takes at least 2")
    val = {name for name, draw in draws.items() if draw < settings.val_fraction}
    val |= {min(draws, key=lambda name: draws[name])}
    val -= {max(draws, key=lambda name: draws[name])}
    return {name: "val" if name in val else "train" for name in draws}


def _draw(name: str, seed: int) -> float:
    """A number from 0 to 1, the same for a name on every machine, whichever form of Unicode its disk prefers."""
    composed = unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(b"%d\0%s" % (seed, composed)).digest()[:8], "big") / 2**64
