"""Which images validate where a data set does not say: a share of them, drawn by seed from their names alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from empaste.datasets.records import Split
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError

NO_SPLITS = "has no splits"
"""What a warning says where the splits were drawn."""


def drawn_splits(
    names: Sequence[str], settings: PrepareSettings, origin: Path, warnings: list[str]
) -> dict[str, Split]:
    """Per name its split: ``settings.val_fraction`` of them validates, at least one and not all; a warning says so."""
    splits = splits_by_seed(names, settings, origin)
    val = sum(split == "val" for split in splits.values())
    warnings.append(
        f"{origin} {NO_SPLITS}: {val} of {len(splits)} images validate, drawn by prepare.seed; "
        "prepare.val_fraction sets their share"
    )
    return splits


def splits_by_seed(names: Sequence[str], settings: PrepareSettings, origin: Path) -> dict[str, Split]:
    """The same without a word; the order of ``names`` does not matter. `InputError` where there are fewer than 2."""
    ordered = sorted(set(names))
    if len(ordered) < 2:
        raise InputError(f"{origin} lists {len(ordered)} images; to train and to validate it takes at least 2")
    count = min(max(1, round(settings.val_fraction * len(ordered))), len(ordered) - 1)
    chosen = np.random.default_rng([settings.seed, 72]).permutation(len(ordered))[:count]
    val = {ordered[at] for at in chosen}
    return {name: "val" if name in val else "train" for name in ordered}
