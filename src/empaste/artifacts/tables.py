"""Parquet tables, checked against their schema on the way out and on the way in."""

from pathlib import Path

import pandas as pd
from pandera.errors import SchemaError, SchemaErrors

from empaste.artifacts.schemas import Table
from empaste.errors import InputError


def write_table(table: pd.DataFrame, path: Path, schema: type[Table]) -> None:
    """``path`` holds ``table``, the same bytes for the same rows; a table off its schema is refused before writing."""
    checked = check_table(table, path, schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    checked.reset_index(drop=True).to_parquet(path, engine="pyarrow", compression="zstd", index=False)


def read_table(path: Path, schema: type[Table]) -> pd.DataFrame:
    """The table at ``path``; `InputError` where it is missing, unreadable or off its schema."""
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro (or dvc pull)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable Parquet table: {error}; run: dvc repro") from error
    return check_table(table, path, schema)


def check_table(table: pd.DataFrame, path: Path, schema: type[Table]) -> pd.DataFrame:
    """``table`` where it fits ``schema``; else `InputError` that lists the first misfits."""
    try:
        return schema.validate(_typed_if_empty(table, schema), lazy=True)
    except (SchemaError, SchemaErrors) as error:
        cases = error.failure_cases
        rows = cases.head(5).to_string(index=False) if isinstance(cases, pd.DataFrame) else str(cases)
        raise InputError(f"{path} does not fit the table {schema.__name__}:\n{rows}\nrun: dvc repro") from error


def _typed_if_empty(table: pd.DataFrame, schema: type[Table]) -> pd.DataFrame:
    """An empty table has no values to take types from, so it takes the schema's."""
    if len(table):
        return table
    columns = schema.to_schema().columns
    return pd.DataFrame({name: pd.Series(dtype=str(column.dtype)) for name, column in columns.items()})
