"""Names and values as MLflow takes them: any class name can be recorded, and no two names become one."""

import hashlib
import json
import re
from typing import Any

MAX_NAME = 250
"""The longest name of a parameter or a metric that MLflow takes, in characters."""
MAX_VALUE = 6000
"""The longest value of a parameter that MLflow takes, in characters."""
CURVES, HEADLINE, SHEETS = "curves/", "1 headline/", "2 sheets/"
"""The folders in which MLflow shows what changes by step, before all else the figures that a run is known by, and after
these its contact sheets; without a folder they would stand among the metrics, in alphabetical order.
"""

FOREIGN = re.compile(r"[^\w\-. :]|^[. ]| $|_(?=u[0-9A-F_])")
"""What `mlflow_name` replaces."""
HASH_DIGITS = 32


def mlflow_name(name: str) -> str:
    """``name`` as MLflow takes it: an ordinary name stays as it is, and two names never become the same.

    MLflow takes letters and digits of any script and ``_-.: ``. Any other character is replaced by its code point: C+
    becomes ``C_u2B_``. The same happens to a slash, because it opens a folder (only `CURVES` and `HEADLINE` are meant
    as ones), to a dot or a blank at the start, to a blank at the end, and to an underscore before what would read as a
    code point.
    A name that then has `MAX_NAME` characters or more is cut off and ends in a hash of the whole name. Names that
    differ only in case stay apart where the store compares case (SQLite, PostgreSQL, files on Linux).
    """
    folder = next((folder for folder in (CURVES, HEADLINE) if name.startswith(folder)), "")
    own = name[len(folder) :]
    escaped = folder + (FOREIGN.sub(lambda found: f"_u{ord(found[0]):X}_", own) or "_u_")
    if len(escaped) < MAX_NAME:
        return escaped
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
    return f"{escaped[: MAX_NAME - 1 - HASH_DIGITS]}_{digest}"


def curve_name(curve: str, column: str) -> str:
    """The name under which `CURVES` holds ``column`` of ``curve``."""
    return f"{CURVES}{curve}.{column}"


def mlflow_value(value: Any) -> str:
    """``value`` as MLflow takes it: text as it is, anything else as JSON, cut off after `MAX_VALUE` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"
