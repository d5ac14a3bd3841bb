"""The tables that ``stages/foregrounds.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Foregrounds(Table):
    """``data/foregrounds/{iter_0 … iter_J, pool}.parquet``: the chosen segment per (image, class).

    ``iter_0`` is Step 1, ``iter_j`` the choice after the j-th EM iteration, ``pool`` the last choice without those
    under the least probability. ``distance`` to the class statistics that chose it (for ``iter_0``: pixels from the
    CAM's centre; NaN where none), ``prob`` the classifier's probability of the class, ``inlier`` whether the M-step
    that follows keeps it, ``cam_empty`` whether Step 1 went by the classifier alone. ``instance`` counts from 0 within
    an (image, class), over 0 in the pool alone; ``confidence`` is how sure the choice of the segment is.
    """

    image_id: Series[int]
    class_id: Series[int]
    segment_id: Series[int]
    distance: Series[float] = pa.Field(nullable=True)
    prob: Series[float] = pa.Field(ge=0, le=1)
    inlier: Series[bool]
    cam_empty: Series[bool]
    instance: Series[int] = pa.Field(ge=0)
    confidence: Series[float] = pa.Field(ge=0, le=1)

    class Config(Table.Config):
        unique = ["image_id", "class_id", "segment_id"]
