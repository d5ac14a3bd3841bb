"""Where MLflow keeps runs, files and models: what ``MLFLOW_TRACKING_URI`` and ``MLFLOW_REGISTRY_URI`` mean here.

A relative address lies below the main repository, never below the working directory: DVC runs experiments in
workspaces that it deletes afterwards. Paths may hold any character; what a URI must quote is quoted.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from empaste.errors import InputError

TRACKING_VARIABLE, REGISTRY_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
FOLDERS_VARIABLE = "MLFLOW_ALLOW_FILE_STORE"
"""MLflow takes a folder as a store only where this is true."""
DATABASES = ("postgresql", "mysql", "mssql")
SQLITE_OPTIONS = frozenset(("timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"))
"""What may follow the path of a SQLite store behind a question mark."""
SERVER_NAMES = ("databricks", "databricks-uc", "uc")
"""Addresses that are one word."""
SQLITE_FORMS = "sqlite:///mlflow.db (below the repository) or sqlite:////folder/mlflow.db"


@dataclass(frozen=True)
class Store:
    """Where runs go: MLflow's URI, the place of artifacts (None: the server's own), and a lock for its first use.

    ``registry`` is where models are registered; None: in the same store.
    """

    uri: str
    artifacts: str | None
    lock: Path
    registry: str | None = None


def main_repository() -> Path:
    """The top of the main repository: ``DVC_ROOT``, else the nearest folder upwards that DVC manages, else this one."""
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"])
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def find_store() -> Store:
    """The store in use: ``MLFLOW_TRACKING_URI``, else SQLite in the main repository.

    `InputError` where an address cannot hold a record: of no known form, in memory, or a folder that MLflow refuses.
    """
    root = main_repository()
    registry = os.environ.get(REGISTRY_VARIABLE, "").strip()
    registry_uri = _resolve(registry, REGISTRY_VARIABLE, root)[0] if registry else None
    text = os.environ.get(TRACKING_VARIABLE, "").strip()
    if not text:
        return _beside(root / "mlflow.db", sqlite_uri(root / "mlflow.db"), registry_uri)
    uri, place = _resolve(text, TRACKING_VARIABLE, root)
    if place is not None:
        return _beside(place, uri, registry_uri)
    kept_here = _scheme(text).partition("+")[0] in DATABASES
    return Store(uri, location(root / "mlartifacts") if kept_here else None, root / "mlflow.db.lock", registry_uri)


def sqlite_uri(database: Path, query: str = "") -> str:
    """SQLAlchemy's address of the file ``database``, which is absolute.

    SQLAlchemy takes what a question mark begins for options and undoes %20 and the like; nothing else is special.
    """
    quoted = str(database).replace("%", "%25").replace("?", "%3F")
    # By its longer name, MLflow does not make a folder that is called as the quoted path is.
    scheme = "sqlite" if quoted == str(database) else "sqlite+pysqlite"
    return f"{scheme}:///{quoted}" + (f"?{query}" if query else "")


def location(folder: Path) -> str:
    """``folder``, which is absolute, as MLflow takes a place of artifacts: a URI where the path would be misread."""
    return folder.as_uri() if re.search(r"[%?#;]", str(folder)) else str(folder)


def loading_trouble(store: Store) -> str | None:
    """What a person must know who loads a registered model from ``store``; None where there is nothing."""
    folder = unquote(store.artifacts or "").removeprefix("file://")
    if not re.search(r"%[0-9A-Fa-f]{2}", folder):
        return None
    return (
        f"MLflow loads no model straight out of a path that holds %20 or the like ({folder}); "
        "let it make a copy: mlflow.pyfunc.load_model(..., dst_path=FOLDER), or set MLFLOW_TRACKING_URI elsewhere"
    )


def without_password(uri: str) -> str:
    """``uri`` as it may be printed: without who asks, and without options, either of which may hold a password."""
    if _scheme(uri).partition("+")[0] in ("", "file", "sqlite"):
        return uri
    return re.sub(r"\?.*", "?…", re.sub(r"//[^?\s]*@", "//…@", uri))


def _beside(place: Path, uri: str, registry: str | None) -> Store:
    """A store that is the file or folder ``place``: artifacts and the lock stand beside it."""
    return Store(uri, location(place.parent / "mlartifacts"), place.with_name(f"{place.name}.lock"), registry)


def _resolve(text: str, variable: str, root: Path) -> tuple[str, Path | None]:
    """The address that ``variable`` holds as MLflow takes it anywhere, and the local file or folder that it is."""
    scheme = _scheme(text)
    if scheme.partition("+")[0] == "sqlite":
        database, query = _database(text, variable, root)
        return sqlite_uri(database, query), database
    if text in SERVER_NAMES or scheme not in ("", "file"):
        return text, None
    folder = _folder(text, variable, root)
    if os.environ.get(FOLDERS_VARIABLE, "").lower() not in ("true", "1"):
        raise InputError(
            f"{variable} is {text!r}, a folder, which MLflow no longer takes as a store; set it to {SQLITE_FORMS}, "
            f"or to a server's address. To go on with a folder: export {FOLDERS_VARIABLE}=true"
        )
    return folder.as_uri(), folder


def _scheme(text: str) -> str:
    """What stands before the colon, in lower case; "" for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", text)
    return found[1].lower() if found else ""


def _database(text: str, variable: str, root: Path) -> tuple[Path, str]:
    """The file of the SQLite address ``text``, and its options."""
    rest = text.partition(":///")[2]
    path, _, query = rest.partition("?")
    if not path or path == ":memory:" or path.startswith("file:"):
        raise InputError(f"{variable} is {text!r}, which names no file to keep runs in; set it to {SQLITE_FORMS}")
    meant, written = _below(unquote(path), root), _below(rest, root)
    options = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    fits = options <= SQLITE_OPTIONS and (not query or bool(options))
    if written.parent != meant.parent and written.parent.is_dir() and not (fits and meant.parent.is_dir()):
        # A path in which nothing was quoted, as in sqlite:///$PWD/mlflow.db.
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
    """The folder of an address that is a path or begins by ``file:``."""
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
