"""Damage to tables, arrays and tensors whose containers stay right: other columns, types, shapes and offsets."""

import io
import json
import struct
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.bytes_of import INTERESTING, damaged
from tests.fuzz.structures import tree_damaged

CELLS: tuple[Any, ...] = (
    None,
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    -(2**63),
    0.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\0",
    "train",
    True,
    b"\xff",
    [1],
    {"a": 1},
    "~" * 40,
    "0" * 40,
    "\x01",
    "é",
)
"""What a cell may hold in place of what it should."""
TYPES = (
    pa.int8(),
    pa.int32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.bool_(),
    pa.timestamp("ns"),
    pa.dictionary(pa.int8(), pa.string()),
    pa.null(),
    pa.decimal128(38, 2),
)


def parquet_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A Parquet file whose table lost, gained or changed columns, cells and types."""
    try:
        table = pq.read_table(io.BytesIO(data))
    except (OSError, ValueError):
        return damaged(data, rng, others)
    for _ in range(rng.choice((1, 1, 2))):
        table = _table_damaged(table, rng)
    out = io.BytesIO()
    try:
        pq.write_table(table, out)
    except (pa.ArrowException, ValueError):
        return damaged(data, rng, others)
    return out.getvalue()


def _table_damaged(table: pa.Table, rng: Random) -> pa.Table:
    if not table.num_columns:
        return table
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    action = rng.choice(
        ("cell", "cell", "cell", "type", "type", "drop", "rename", "order", "further", "rows", "no_rows", "twice")
    )
    try:
        if action == "cell":
            values = column.to_pylist()
            if values:
                values[rng.randrange(len(values))] = rng.choice(CELLS)
            return table.set_column(at, name, pa.array(values))
        if action == "type":
            return table.set_column(at, name, column.cast(rng.choice(TYPES)))
    except (pa.ArrowException, ValueError, TypeError, OverflowError, KeyError):
        return table.set_column(at, name, pa.array([rng.choice(("x", 1.5, None))] * table.num_rows))
    if action == "drop":
        return table.remove_column(at)
    if action == "rename":
        return table.rename_columns([f"{one}2" if one == name else one for one in table.column_names])
    if action == "order":
        return table.select(rng.sample(table.column_names, table.num_columns)) if _is_plain(table) else table
    if action == "further":
        return table.append_column(rng.choice((name, "index", "", "__index_level_0__")), column)
    if action == "rows":
        return pa.concat_tables([table, table])
    return table.slice(0, 0) if action == "no_rows" else pa.concat_tables([table, table.slice(0, 1)])


def _is_plain(table: pa.Table) -> bool:
    return bool(len(set(table.column_names)) == table.num_columns)


def npy_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """An array file whose header states another type, shape or order."""
    if not data.startswith(b"\x93NUMPY") or len(data) < 128:
        return damaged(data, rng, others)
    array = np.load(io.BytesIO(data), allow_pickle=False)
    shape: Any = rng.choice(
        ((), (0,), (len(array),), (2**40,), (2**62, 4), (-1, 4), (len(array), 2**31), "x", (1.5,), None)
    )
    header = {
        "descr": rng.choice(
            ("<f4", "|O", "<U8", ">f8", "<i8", "|b1", "V16", "<f2", "bogus", [("a", "<f4")], "<c16", "<M8[ns]")
        ),
        "fortran_order": rng.choice((True, False, 3)),
        "shape": rng.choice((shape, array.shape)),
    }
    if rng.random() < 0.2:
        header.pop(rng.choice(list(header)))
    text = rng.choice(
        (repr(header), repr(header)[:-3], "{" * 5000, "x" * 20_000, "__import__('os')", repr({**header, "a": 1}))
    )
    encoded = text.encode()[:60_000] + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(encoded)) + encoded + data[128:]


def safetensors_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A file of tensors whose header, which is JSON, states other names, types, shapes or places."""
    if len(data) < 8:
        return damaged(data, rng, others)
    size = int.from_bytes(data[:8], "little")
    if size > len(data):
        return damaged(data, rng, others)
    text = json.dumps(tree_damaged(json.loads(data[8 : 8 + size]), rng)).encode()
    length = len(text) if rng.random() < 0.8 else rng.choice(INTERESTING)
    return length.to_bytes(8, "little") + text + data[8 + size :]
