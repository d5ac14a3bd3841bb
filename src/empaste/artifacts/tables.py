"""Parquet tables, checked against their schema on the way out and on the way in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandera.engines.pandas_engine import Engine
from pandera.errors import SchemaError, SchemaErrors

from empaste.artifacts.schemas.table import Table
from empaste.errors import InputError, first_line

PARQUET_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    NotImplementedError,
    OverflowError,
    MemoryError,
    pa.ArrowException,
)
"""What reading a damaged Parquet file raises, depending on where it is damaged."""
KINDS = {
    "int64": "whole numbers",
    "uint64": "whole numbers of 2⁶³ or more",
    "float64": "numbers",
    "bool": "true or false",
    "str": "text",
    "string[pyarrow]": "text",
    "object": "values of several kinds",
}
MAKERS = ("prepare", "proposals", "cams", "evidence", "features", "foregrounds", "captions", "backgrounds", "paste")
RULES = {"greater_than_or_equal_to": "at least", "less_than_or_equal_to": "at most", "isin": "one of",
         "below_the_folder": "a path below the table's folder"}  # fmt: skip


def write_table(table: pd.DataFrame, path: Path, schema: type[Table]) -> None:
    """``path`` holds ``table``, the same bytes for the same rows; a table off its schema is refused before writing."""
    checked = check_table(table, path, schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of one piece: text that was joined of several would be cut into other pages.
    content = pa.Table.from_pandas(checked, preserve_index=False).combine_chunks()
    pq.write_table(content, path, compression="zstd")


def read_table(path: Path, schema: type[Table]) -> pd.DataFrame:
    """The table at ``path``; `InputError` where it is missing, unreadable or off its schema."""
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro (or dvc pull)") from error
    except PARQUET_ERRORS as error:
        raise InputError(
            f"{path} is not a readable Parquet table: {first_line(error)}; run: {_remedy(path)}"
        ) from error
    return check_table(table, path, schema)


def file_of(folder: Path, schema: type[Table]) -> Path:
    """The file of the table ``schema`` in the folder of an artifact; it is called after the table."""
    return folder / f"{schema.__name__.lower()}.parquet"


def read_from(folder: Path, schema: type[Table]) -> pd.DataFrame:
    """The table ``schema`` of the artifact in ``folder``; see `read_table`."""
    return read_table(file_of(folder, schema), schema)


def write_into(folder: Path, table: pd.DataFrame, schema: type[Table]) -> None:
    """The artifact in ``folder`` holds ``table``; see `write_table`."""
    write_table(table, file_of(folder, schema), schema)


def check_table(table: pd.DataFrame, path: Path, schema: type[Table]) -> pd.DataFrame:
    """``table`` where it fits ``schema``; else `InputError` that says of the first misfit what and where it is."""
    try:
        checked = schema.validate(_typed_if_empty(table, schema), lazy=True)
    except (SchemaError, SchemaErrors) as error:
        first = next(_misfits(table, schema), first_line(error))
        raise InputError(f"{path} does not fit the table {schema.__name__}: {first}; run: {_remedy(path)}") from error
    except TypeError as error:  # a list cannot be compared with other cells
        raise InputError(
            f"{path} does not fit the table {schema.__name__}: a cell holds several values; run: {_remedy(path)}"
        ) from error
    if not table.columns.is_unique:
        first = next(_misfits(table, schema))
        raise InputError(f"{path} does not fit the table {schema.__name__}: {first}; run: {_remedy(path)}")
    return checked


def _remedy(path: Path) -> str:
    """The command that makes the table anew: by the stage after which its folder is called, where that is one."""
    maker = {"images": "prepare", "labels": "prepare", "segments": "proposals"}.get(path.parent.name, path.parent.name)
    return f"dvc repro {maker}" if maker in MAKERS else "dvc repro"


def _misfits(table: pd.DataFrame, schema: type[Table]) -> Iterator[str]:
    """What does not fit, most telling first: columns, then kinds, then values with their rows."""
    rules = schema.to_schema()
    wanted = list(rules.columns)
    for names, trouble in (
        ([name for name in wanted if name not in table.columns], "lacks"),
        ([str(name) for name in table.columns if name not in wanted], "has no place for"),
    ):
        if names:
            yield f"it {trouble} the column{'s' if len(names) > 1 else ''} {', '.join(names)}"
    if not table.columns.is_unique:
        yield f"it has the column {table.columns[table.columns.duplicated()][0]} twice"
    if list(table.columns) != wanted:
        yield f"its columns stand in the order {', '.join(map(str, table.columns))}, not {', '.join(wanted)}"
    for name, column in rules.columns.items():
        values, kind = table[name], str(column.dtype)
        found = str(values.dtype)
        if not column.nullable and values.isna().any():
            yield _at(name, values.isna(), "holds nothing")
        if found == "object" or not column.dtype.check(Engine.dtype(values.dtype)):
            yield f"column {name} holds {KINDS.get(found, found)}, not {KINDS.get(kind, kind)}"
        if column.unique and values.duplicated().any():
            yield f"column {name} holds {_twice(values)}"
        for check in column.checks:
            passed = check(values).check_output.reindex(values.index, fill_value=True)
            if not passed.all():
                limit = next(iter(check.statistics.values()), "")
                text = ", ".join(map(repr, limit)) if isinstance(limit, list) else limit
                allowed = f"{RULES[check.name]} {text}".rstrip()
                yield _at(name, ~passed, f"holds {_shown(values[~passed].iloc[0])}, not {allowed}")
    if rules.unique:
        joined = pd.Series(list(table[list(rules.unique)].itertuples(index=False, name=None)))
        if joined.duplicated().any():
            yield f"columns {', '.join(rules.unique)} hold {_twice(joined)}"


def _at(name: str, misfits: pd.Series, what: str) -> str:
    """Where a column misfits first, and how often besides."""
    more = int(misfits.sum()) - 1
    row = int(misfits.to_numpy().argmax())
    return f"column {name} {what} (row {row}{f', and {more} more' if more else ''})"


def _twice(values: pd.Series) -> str:
    """The first value that is there more than once, its rows, and how many rows repeat others besides."""
    repeats = values.duplicated().to_numpy()
    value = values.iloc[repeats.argmax()]
    rows = (values == value).to_numpy().nonzero()[0] if not isinstance(value, tuple) else _rows_of(values, value)
    more = int(repeats.sum()) - 1
    return f"{_shown(value)} twice (rows {rows[0]} and {rows[1]}{f', and {more} more repeats' if more else ''})"


def _rows_of(values: pd.Series, value: tuple[Any, ...]) -> list[int]:
    return [row for row, one in enumerate(values) if one == value]


def _shown(value: Any) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return ", ".join(repr(one.item() if hasattr(one, "item") else one) for one in parts)


def _typed_if_empty(table: pd.DataFrame, schema: type[Table]) -> pd.DataFrame:
    """An empty table has no values to take types from, so it takes the schema's."""
    if len(table):
        return table
    columns = schema.to_schema().columns
    return pd.DataFrame({name: pd.Series(dtype=str(column.dtype)) for name, column in columns.items()})
