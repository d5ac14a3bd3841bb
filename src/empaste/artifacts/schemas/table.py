"""What all tables share."""

import pandera.pandas as pa


class Table(pa.DataFrameModel):
    """What all tables share: no unknown column, no silent conversion."""

    class Config:
        strict = True
        coerce = False
        ordered = True
