"""The tables that ``stages/captions.py`` writes."""

import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table


class Captions(Table):
    """``data/captions/captions.parquet``: captions as written and as substituted, per training image."""

    caption_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    text: Series[str]
    substituted: Series[str]
