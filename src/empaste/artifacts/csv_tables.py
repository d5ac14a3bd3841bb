"""Tables of labels as people save them: parted by commas, semicolons or tabs, in UTF-8 or Excel's UTF-16.

Nothing is dropped without a word: a row with more fields than the header names, and a column named twice, are refused;
a column that is not read is remarked upon.
"""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.fields import listed
from empaste.errors import InputError

DELIMITERS = (",", ";", "\t")
SEVERAL = "give several labels one row each, or one field with ; between them"
"""What to do where a row of labels has surplus fields."""


class TableRow(NamedTuple):
    """A row: the number of its last line in the file, and its stripped values by column; "" where it has none."""

    line: int
    values: dict[str, str]


class Table(NamedTuple):
    """A table's rows, the columns that nobody reads, and all columns."""

    rows: list[TableRow]
    unread: list[str]
    columns: list[str]


def read_csv(path: Path, needed: Sequence[str], further: Sequence[str], layout: str, surplus: str = SEVERAL) -> Table:
    """The table at ``path``, its columns known in any case of letters; ``layout`` says in errors what it should be, and
    ``surplus`` what to do about fields beyond the header's.

    `InputError` where it cannot be read, lacks a ``needed`` column, names a column twice, has a column that could be
    meant for another (``label2``), or a row with surplus fields.
    """
    text = _text(path)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    try:
        header = [name.strip() for name in next((row for row in lines if row), [])]
        known = [name.lower() if name.lower() in (*needed, *further) else name for name in header]
        _check_header(path, known, needed, further, layout, surplus)
        rows = [_row(path, lines.line_num, row, known, surplus) for row in lines if any(field.strip() for field in row)]
    except csv.Error as error:
        place = f"line {lines.line_num}: {error}"
        raise InputError(f"{path} is not a readable CSV file in UTF-8: {place}; save it as such") from error
    return Table(rows, [name for name in known if name and name not in (*needed, *further)], known)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); restore it") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a readable CSV file in UTF-8: {error}; save it as such") from error


def _delimiter(text: str) -> str:
    """What parts the header's columns."""
    header = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    return max(DELIMITERS, key=header.count)


def _check_header(
    path: Path, header: Sequence[str], needed: Sequence[str], further: Sequence[str], layout: str, surplus: str
) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise InputError(
            f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; its columns are "
            f"{', '.join(header) or '(none)'}; {layout}"
        )
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        raise InputError(
            f"{path} has the column {listed(doubled)} twice; give every column a name of its own, and {surplus}"
        )
    known = (*needed, *further)
    near = re.compile(rf"({'|'.join(known)})s?[ _.\-]?\d*")
    if unclear := [name for name in header if name not in known and near.fullmatch(name.lower())]:
        raise InputError(
            f"{path} has the column {listed(unclear)} beside {', '.join(known)}; rename it if it means something else, "
            "or move its values into rows of their own"
        )


def _row(path: Path, line: int, fields: Sequence[str], header: Sequence[str], surplus: str) -> TableRow:
    beyond = [field for field in fields[len(header) :] if field.strip()]
    if beyond:
        raise InputError(
            f"{path}, line {line}: {len(fields)} fields, but the header names {len(header)} columns "
            f"(the first beyond is {beyond[0]!r}); {surplus}"
        )
    unnamed = [field for field, name in zip(fields, header, strict=False) if field.strip() and not name]
    if unnamed:
        raise InputError(f"{path}, line {line}: {unnamed[0]!r} stands in a column without a name; name or remove it")
    values = dict.fromkeys((name for name in header if name), "")
    return TableRow(line, values | {name: field.strip() for name, field in zip(header, fields, strict=False) if name})
