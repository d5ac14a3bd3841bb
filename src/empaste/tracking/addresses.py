"""What ``MLFLOW_TRACKING_URI`` and ``MLFLOW_REGISTRY_URI`` mean here, as addresses that MLflow takes from anywhere.

A relative address lies below the main repository, never below the working directory: DVC runs experiments in
workspaces that it deletes afterwards. A path may hold any character; what a URI must quote is quoted.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from empaste.errors import InputError

TRACKING_VARIABLE, REGISTRY_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
FOLDERS_VARIABLE = "MLFLOW_ALLOW_FILE_STORE"
"""MLflow takes a folder as a store only where this variable is true."""
DATABASE_SERVERS = ("postgresql", "mysql", "mssql")
SQLITE_OPTIONS = frozenset(("timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"))
"""Options that may follow the path of a SQLite store, after a question mark."""
SERVER_NAMES = ("databricks", "databricks-uc", "uc")
"""Addresses of one word."""
SQLITE_FORMS = "sqlite:///mlflow.db (below the repository) or sqlite:////folder/mlflow.db"


class Address(NamedTuple):
    """An address that MLflow takes, and the local file or folder that it names (None: on a server)."""

    uri: str
    place: Path | None


def sqlite_address(database: Path, query: str = "") -> Address:
    """The address of the SQLite file ``database``, which is an absolute path."""
    return Address(sqlite_uri(database, query), database)


def sqlite_uri(database: Path, query: str = "") -> str:
    """SQLAlchemy's URI of the file ``database``, which is an absolute path.

    SQLAlchemy reads options after a question mark and decodes %20 and the like; no other character is special.
    """
    quoted = str(database).replace("%", "%25").replace("?", "%3F")
    # With the longer scheme, MLflow does not make a folder whose name is the quoted path.
    scheme = "sqlite" if quoted == str(database) else "sqlite+pysqlite"
    return f"{scheme}:///{quoted}" + (f"?{query}" if query else "")


def location(folder: Path) -> str:
    """``folder``, an absolute path, as MLflow takes a place of artifacts: a URI where it would misread the path."""
    return folder.as_uri() if re.search(r"[%?#;]", str(folder)) else str(folder)


def is_local(uri: str) -> bool:
    """Whether ``uri`` names a file or a folder of this machine."""
    return uri not in SERVER_NAMES and _backend(uri) in ("", "file", "sqlite")


def is_database_server(uri: str) -> bool:
    """Whether ``uri`` names a database on a server."""
    return _backend(uri) in DATABASE_SERVERS


def without_password(uri: str) -> str:
    """``uri`` as it may be printed: without user and options, either of which may hold a password."""
    return uri if is_local(uri) else re.sub(r"\?.*", "?…", re.sub(r"//[^?\s]*@", "//…@", uri))


def read_address(variable: str, root: Path) -> Address | None:
    """The address that ``variable`` holds, relative paths below ``root``; None where it is unset or blank.

    `InputError` where the address has no known form, is in memory, or is a folder and MLflow refuses folders.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    if _backend(text) == "sqlite":
        return sqlite_address(*_database(text, variable, root))
    if not is_local(text):
        return Address(text, None)
    folder = _folder(text, variable, root)
    if os.environ.get(FOLDERS_VARIABLE, "").lower() not in ("true", "1"):
        raise InputError(
            f"{variable} is {text!r}, a folder, which MLflow no longer takes as a store; set it to {SQLITE_FORMS}, "
            f"or to a server's address. To go on with a folder: export {FOLDERS_VARIABLE}=true"
        )
    return Address(folder.as_uri(), folder)


def _scheme(text: str) -> str:
    """What stands before the colon, in lower case; "" for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", text)
    return found[1].lower() if found else ""


def _backend(text: str) -> str:
    """The scheme of an address without its driver: ``postgresql`` for ``postgresql+psycopg2``."""
    return _scheme(text).partition("+")[0]


def _database(text: str, variable: str, root: Path) -> tuple[Path, str]:
    """The file of the SQLite address ``text``, and its options as written."""
    rest = text.partition(":///")[2]
    path, _, query = rest.partition("?")
    if not path or path == ":memory:" or path.startswith("file:"):
        raise InputError(f"{variable} is {text!r}, which names no file to keep runs in; set it to {SQLITE_FORMS}")
    meant, written = _below(unquote(path), root), _below(rest, root)
    options = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    fits = options <= SQLITE_OPTIONS and (not query or bool(options))
    if written.parent != meant.parent and written.parent.is_dir() and not (fits and meant.parent.is_dir()):
        # A path written without quoting, as in sqlite:///$PWD/mlflow.db.
        return written, ""
    if not fits:
        raise InputError(
            f"{variable} is {text!r}; behind the question mark may stand {', '.join(sorted(SQLITE_OPTIONS))}. "
            "Write a question mark of a path as %3F"
        )
    if meant.is_dir():
        raise InputError(f"{variable} is {text!r}, which is a folder; name a file in it: {SQLITE_FORMS}")
    return meant, query


def _folder(text: str, variable: str, root: Path) -> Path:
    """The folder of an address that is a path or begins with ``file:``."""
    if _scheme(text) != "file":
        return _below(text, root)
    host = urlsplit(text).netloc
    if host not in ("", ".", "localhost"):
        raise InputError(f"{variable} is {text!r}, a folder of the machine {host}; write file:///folder")
    path = text[len("file:") :].removeprefix("//").removeprefix(host if host != "." else "")
    meant, written = _below(unquote(path), root), _below(path, root)
    return written if written.is_dir() and not meant.is_dir() else meant


def _below(path: str, root: Path) -> Path:
    """``path``, below ``root`` where it is relative."""
    return Path(os.path.normpath(root.absolute() / os.path.expanduser(path)))  # noqa: PTH111 – an unknown ~name stays
