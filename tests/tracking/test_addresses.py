"""Addresses of MLflow's stores: relative ones lie below the main repository, and paths may hold any character."""

import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.tracking.addresses import location, sqlite_uri, without_password
from empaste.tracking.store import find_store, loading_trouble

VARIABLES = ("DVC_ROOT", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_ALLOW_FILE_STORE")
ODD_NAMES = [
    "a b", "a#b", "a?b", "a%20b", "100%", "a;b", "a&b=c", "a+b", "a'b", 'a"b', "ü", "u\u0308", "😀", "a:b", "a\\b",
    "~a", "a@b", "a, b", "[a]", "{a}", " a ", "a=b&c?d#e",
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A main repository; the working directory is another one, as in a workspace that DVC deletes."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "main").mkdir()
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    return tmp_path / "main"


def opened(uri: str) -> Path:
    """The file that SQLAlchemy opens for ``uri``, as SQLite names it."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    with engine.connect() as connection:
        connection.exec_driver_sql("create table if not exists t (a)")
        name = connection.exec_driver_sql("pragma database_list").one()[2]
    engine.dispose()
    return Path(name)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:///./mlflow.db", "mlflow.db"),
        ("sqlite:///sub/x.db", "sub/x.db"),
        ("sqlite:///../x.db", "../x.db"),
        ("sqlite+pysqlite:///sub/x.db", "sub/x.db"),
        ("SQLite:///a%20b/x.db", "a b/x.db"),
        ("  sqlite:///x.db\n", "x.db"),
        ("", "mlflow.db"),
        ("  ", "mlflow.db"),
    ],
)
def test_a_relative_database_lies_below_the_main_repository(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    database = (root / place).resolve()
    store = find_store()
    assert store.uri == f"sqlite:///{database}"
    assert store.artifacts == str(database.parent / "mlartifacts")
    assert store.lock == database.with_name(f"{database.name}.lock")


def test_options_of_a_database_are_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db?timeout=30")
    assert find_store().uri == f"sqlite:///{root}/x.db?timeout=30"
    assert find_store().artifacts == f"{root}/mlartifacts"


@pytest.mark.usefixtures("root")
def test_a_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///~/runs.db")
    assert find_store().uri == "sqlite:////home/me/runs.db"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_repository_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    root = tmp_path / name
    root.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(root))
    store = find_store()
    assert opened(store.uri) == root / "mlflow.db"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert store.artifacts is not None
    place = unquote(urlsplit(store.artifacts).path) if store.artifacts.startswith("file:") else store.artifacts
    assert place == str(root / "mlartifacts")
    assert (loading_trouble(store) is not None) == ("%20" in name)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_unquoted_path_is_taken_as_it_stands_where_its_folder_exists(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """``sqlite:///$PWD/mlflow.db``, as a shell writes it."""
    (root / name).mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/{name}/x.db")
    assert opened(find_store().uri) == root / name / "x.db"


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_the_address_of_any_path_names_that_path(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    if name in (".", "..") or len(name.encode()) > 200:
        return
    folder = tmp_path_factory.mktemp("odd") / name
    folder.mkdir()
    assert opened(sqlite_uri(folder / "x.db")) == folder / "x.db"
    written = location(folder)
    assert (unquote(urlsplit(written).path) if written.startswith("file:") else written) == str(folder)
    with sqlite3.connect(folder / "x.db") as database:
        assert database.execute("select name from sqlite_master").fetchall() == [("t",)]


@pytest.mark.parametrize(
    "text",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:mlflow.db", "sqlite:/mlflow.db", "sqlite://mlflow.db",
     "sqlite:///file:x.db?mode=memory&uri=true"],
)  # fmt: skip
@pytest.mark.usefixtures("root")
def test_what_keeps_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    with pytest.raises(InputError, match=r"names no file to keep runs in; set it to sqlite:///mlflow.db"):
        find_store()


def test_unknown_options_and_folders_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db?mode=ro")
    with pytest.raises(InputError, match=r"behind the question mark may stand .*timeout.*as %3F"):
        find_store()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}")
    with pytest.raises(InputError, match="which is a folder; name a file in it"):
        find_store()


FOLDERS = ["mlruns", "./mlruns", "file:mlruns", "file:./mlruns", "file://./mlruns", "a b#c?d", "file:a%20b"]


@pytest.mark.parametrize("text", FOLDERS)
@pytest.mark.usefixtures("root")
def test_a_folder_is_refused_as_mlflow_does_with_the_way_out(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    with pytest.raises(InputError, match=r"a folder, which MLflow no longer takes.*MLFLOW_ALLOW_FILE_STORE=true"):
        find_store()


@pytest.mark.parametrize("text", FOLDERS)
def test_where_mlflow_takes_a_folder_it_lies_below_the_main_repository(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    name = unquote(text).removeprefix("file:").removeprefix("//").removeprefix("./")
    store = find_store()
    assert store.uri == (root / name).as_uri()
    assert store.artifacts == str(root / "mlartifacts")


@pytest.mark.usefixtures("root")
def test_a_folder_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file://host/mlruns")
    with pytest.raises(InputError, match="a folder of the machine host"):
        find_store()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file://localhost/srv/mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "1")
    assert find_store().uri == "file:///srv/mlruns"


@pytest.mark.parametrize(
    "text", ["http://server:5000", "https://me:secret@host/a?b", "databricks", "databricks://profile", "databricks-uc"]
)
@pytest.mark.usefixtures("root")
def test_servers_are_left_alone(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    store = find_store()
    assert (store.uri, store.artifacts) == (text, None)


@pytest.mark.parametrize("text", ["postgresql://me:secret@host/runs", "mysql+pymysql://host/runs"])
def test_files_of_a_database_elsewhere_stay_in_the_main_repository(
    root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """MLflow would put them below the working directory."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", text)
    store = find_store()
    assert (store.uri, store.artifacts) == (text, str(root / "mlartifacts"))


def test_a_registry_of_its_own_lies_there_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_store().registry is None
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///models.db")
    assert find_store().registry == f"sqlite:///{root}/models.db"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://registry:5000")
    assert find_store().registry == "http://registry:5000"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite://")
    with pytest.raises(InputError, match="MLFLOW_REGISTRY_URI is 'sqlite://'"):
        find_store()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@host:5000/a", "http://…@host:5000/a"),
        ("postgresql://me:se/cr@et@host/runs?password=secret", "postgresql://…@host/runs?…"),
        ("sqlite:////data/a@b/x.db", "sqlite:////data/a@b/x.db"),
        ("http://host", "http://host"),
    ],
)
def test_no_password_is_shown(uri: str, shown: str) -> None:
    assert without_password(uri) == shown
