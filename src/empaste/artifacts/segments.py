"""Rows of the segments' table as masks."""

import pandas as pd

from empaste.masks import RLE


def segment_rles(rows: pd.DataFrame) -> list[RLE]:
    """The RLE of every row of a table with ``counts``, ``height`` and ``width`` (`schemas.Segments`), in order."""
    cells = zip(rows["counts"], rows["height"], rows["width"], strict=True)
    return [{"size": [int(height), int(width)], "counts": str(counts)} for counts, height, width in cells]
