"""The tables that ``stages/backgrounds.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Backgrounds(Table):
    """``data/backgrounds/backgrounds.parquet``: one row per candidate; shards hold ``file_name`` of the selected ones.

    ``caption_id`` is -1 where the generator used no caption. ``clip_score`` and ``target_score`` are CLIP's similarity
    to the caption and to the likest target class, NaN where nothing was scored; ``presence_prob`` is the classifier's
    highest class probability and ``presence_class_id`` its class. ``dropped_by`` is empty for the selected ones.
    """

    background_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    caption_id: Series[int]
    prompt: Series[str]
    file_name: Series[str]
    height: Series[int] = pa.Field(ge=1)
    width: Series[int] = pa.Field(ge=1)
    clip_score: Series[float] = pa.Field(nullable=True)
    target_score: Series[float] = pa.Field(nullable=True)
    presence_class_id: Series[int]
    presence_prob: Series[float] = pa.Field(ge=0, le=1)
    selected: Series[bool]
    dropped_by: Series[str] = pa.Field(isin=["", "presence", "selection"])


class BackgroundFailures(Table):
    """``data/backgrounds/failures.parquet``: one row per image that was asked for and did not come, and why."""

    image_id: Series[int]
    caption_id: Series[int]
    prompt: Series[str]
    attempts: Series[int] = pa.Field(ge=1)
    reason: Series[str]
