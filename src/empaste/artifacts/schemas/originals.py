"""The table that ``stages/prepare.py`` writes of the user's own photographs."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table
from empaste.images import leads_out


class Originals(Table):
    """``data/originals/originals.parquet``: one row per image that was read from a file, in order of id.

    ``file`` is its path below ``prepare.root``, with slashes, or a whole path where it lies elsewhere. ``height`` and
    ``width`` are those of the upright photograph, in its own pixels. ``top``, ``bottom``, ``left`` and ``right`` are
    the margins that were cut off, in pixels of the shrunk photograph: the image in ``data/images`` and these margins
    together are the whole of it.
    """

    image_id: Series[int] = pa.Field(unique=True)
    file: Series[str]
    height: Series[int] = pa.Field(ge=1)
    width: Series[int] = pa.Field(ge=1)
    top: Series[int] = pa.Field(ge=0)
    bottom: Series[int] = pa.Field(ge=0)
    left: Series[int] = pa.Field(ge=0)
    right: Series[int] = pa.Field(ge=0)

    @pa.check("file")
    @classmethod
    def below_the_folder(cls, files: pd.Series) -> pd.Series:
        return ~files.map(lambda file: leads_out(file.removeprefix("/"))).astype(bool)
