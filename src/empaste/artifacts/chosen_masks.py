"""The masks that a choice of foregrounds names: segments, and masks that a person drew or that are proposed no more.

The one place that knows where the masks of ``data/foregrounds`` lie.
"""

from pathlib import Path

import pandas as pd

from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, read_table

BY_HAND = "by_hand.parquet"
"""In the folder of the foregrounds, as `schemas.proposals.Segments`; only where a decision's mask is no segment."""

DECIDED = "decided.parquet"
"""In the folder of the foregrounds, as `schemas.foregrounds.Foregrounds`: the rows of the pool that a person said to be
right; only where there are any."""


def read_by_hand(foregrounds: Path) -> pd.DataFrame | None:
    """The masks of decisions that are no segments (rows of `schemas.proposals.Segments`); None without any.

    Their ids follow those of the segments.
    """
    path = foregrounds / BY_HAND
    return read_table(path, Segments) if path.exists() else None


def read_chosen_masks(segments: Path, foregrounds: Path) -> pd.DataFrame:
    """What ``foregrounds`` may name, rows of `schemas.proposals.Segments`: the segments, then masks of decisions."""
    return with_by_hand(read_from(segments, Segments), read_by_hand(foregrounds))


def with_by_hand(segments: pd.DataFrame, by_hand: pd.DataFrame | None) -> pd.DataFrame:
    """``segments``, then the rows of ``by_hand`` where there are any."""
    return segments if by_hand is None else pd.concat([segments, by_hand], ignore_index=True)
