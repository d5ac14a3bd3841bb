"""The tables that ``stages/proposals.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Segments(Table):
    """``data/segments/segments.parquet``: class-agnostic proposals of the training images, by (image, segment).

    ``segment_id`` counts from 0 through the table, so that it is the row of ``data/features`` too. ``counts`` is the
    COCO RLE of an image of ``height`` × ``width``; ``area`` in pixels; ``x, y, box_width, box_height`` the tight box;
    ``score`` the method's own ranking, higher is better.
    """

    segment_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    counts: Series[str]
    height: Series[int]
    width: Series[int]
    area: Series[int] = pa.Field(ge=1)
    x: Series[int] = pa.Field(ge=0)
    y: Series[int] = pa.Field(ge=0)
    box_width: Series[int] = pa.Field(ge=1)
    box_height: Series[int] = pa.Field(ge=1)
    score: Series[float]
