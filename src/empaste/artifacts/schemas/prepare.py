"""The tables that ``stages/prepare.py`` writes."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import Series

from empaste.artifacts.schemas.table import Table
from empaste.images import leads_out


class Images(Table):
    """``data/images/images.parquet``: one row per image, in order of id; ``file_name`` is relative to its directory.

    Ids are not negative: they seed random numbers.
    """

    image_id: Series[int] = pa.Field(unique=True, ge=0)
    split: Series[str] = pa.Field(isin=["train", "val"])
    file_name: Series[str] = pa.Field(unique=True)
    height: Series[int] = pa.Field(ge=1)
    width: Series[int] = pa.Field(ge=1)

    @pa.check("file_name")
    @classmethod
    def below_the_folder(cls, names: pd.Series) -> pd.Series:
        return ~names.map(leads_out).astype(bool)


class Classes(Table):
    """``data/labels/classes.parquet``: the classes, in the order of the classifier's outputs."""

    class_id: Series[int] = pa.Field(unique=True, ge=1)
    name: Series[str] = pa.Field(unique=True)
    supercategory: Series[str]


class Labels(Table):
    """``data/labels/labels.parquet``: one row per (image, class present in it), both splits, in order."""

    image_id: Series[int]
    class_id: Series[int]

    class Config(Table.Config):
        unique = ["image_id", "class_id"]
