"""The tables that ``stages/cams.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Cams(Table):
    """``data/cams/cams.parquet``: one row per (training image, class present), row-aligned with ``heatmaps.npy``.

    ``centre_x, centre_y``: centre of gravity of the thresholded map in image pixels, NaN where ``cam_empty``.
    """

    image_id: Series[int]
    class_id: Series[int]
    prob: Series[float] = pa.Field(ge=0, le=1)
    centre_x: Series[float] = pa.Field(nullable=True)
    centre_y: Series[float] = pa.Field(nullable=True)
    cam_empty: Series[bool]

    class Config(Table.Config):
        unique = ["image_id", "class_id"]
