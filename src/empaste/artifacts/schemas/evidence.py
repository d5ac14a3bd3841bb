"""The tables that ``stages/evidence.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Evidence(Table):
    """``data/evidence/evidence.parquet``: one row per (training image, class present, segment), in this order.

    Terms as in `empaste.evidence.scoring`: soft overlap with the class's heat map, share of the image's frame, the
    proposal source's score, and the rise and fall of the class's logit with the segment
    alone and without it (NaN where not ``judged`` in place). ``score`` joins them, higher is better; segments that were
    not judged come last.
    """

    image_id: Series[int]
    class_id: Series[int]
    segment_id: Series[int]
    cam_overlap: Series[float] = pa.Field(ge=0)
    frame_share: Series[float] = pa.Field(ge=0)
    objectness: Series[float]
    insertion: Series[float] = pa.Field(nullable=True)
    deletion: Series[float] = pa.Field(nullable=True)
    judged: Series[bool]
    score: Series[float]

    class Config(Table.Config):
        unique = ["image_id", "class_id", "segment_id"]
