"""Columns of a large table in the narrowest types that hold their values, for a stage that keeps them in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from empaste.artifacts.schemas.table import Table
from empaste.artifacts.tables import PARQUET_ERRORS, check_table, file_of, read_table
from empaste.errors import InputError

ROWS = 1 << 16
"""Rows that are in memory with all their columns."""


def read_columns(folder: Path, schema: type[Table], names: Sequence[str]) -> pd.DataFrame:
    """The columns ``names`` of the table ``schema`` of the artifact in ``folder``, in this order.

    Whole numbers have 32 bits where all of a column fit, else 64. The whole table is checked, but some rows at a time;
    `InputError` as of `tables.read_from`, in the same words.
    """
    path, rules = file_of(folder, schema), schema.to_schema()
    keys = [rules.unique or [], *([name] for name, column in rules.columns.items() if column.unique)]
    wanted = list(dict.fromkeys([*names, *(name for key in keys for name in key)]))
    try:
        parts = list(_narrow_parts(path, schema, wanted))
    except (InputError, *PARQUET_ERRORS):
        parts = []
    if not parts:  # an empty table, or one that is refused, with what is wrong in which row
        return read_table(path, schema)[list(names)]
    table = pa.concat_tables(parts, promote_options="permissive")
    del parts
    if any(_repeats(table.select(key)) for key in keys):
        return read_table(path, schema)[list(names)]
    columns = {}
    for name in names:  # one after the other, each let go of once it is copied
        columns[name] = _in_pandas(table[name])
        table = table.drop_columns([name])
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(columns, copy=False)


def _narrow_parts(path: Path, schema: type[Table], names: Sequence[str]) -> Iterator[pa.Table]:
    """The columns ``names`` of all rows, `ROWS` at a time; an error of `check_table` where a row does not fit."""
    with pq.ParquetFile(path, buffer_size=1 << 20) as file:
        for batch in file.iter_batches(ROWS, use_threads=False):
            rows = pa.Table.from_batches([batch])
            check_table(rows.to_pandas(), path, schema)
            yield pa.table({name: _narrow(rows[name]) for name in names})


def _narrow(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """``values`` in 32 bits where they are whole numbers that fit."""
    if pa.types.is_int64(values.type):
        try:
            return values.cast(pa.int32())
        except pa.ArrowInvalid:
            return values
    return values


def _repeats(keys: pa.Table) -> bool:
    """Whether a row of ``keys`` is there twice; the memory is spared that this takes of rows that stand in order."""
    if not keys.num_columns:
        return False
    rising, level = np.zeros((2, max(len(keys) - 1, 0)), bool)
    level[:] = True
    for column in keys.columns:
        values = column.to_numpy()
        rising |= level & (values[1:] > values[:-1])
        level &= values[1:] == values[:-1]
    return not rising.all() and bool(keys.to_pandas().duplicated().any())


def _in_pandas(values: pa.ChunkedArray) -> pd.Series:
    """``values`` in one piece: of text in several, pandas takes some rows thirty times as slowly."""
    column: pd.Series = pa.table({"values": values.combine_chunks()}).to_pandas()["values"]
    return column
