"""What is missing or damaged in a remote is found, told, and put back from the cache where that is right.

`tests/remotes` does the same through real servers.
"""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from empaste.errors import InputError
from empaste.sharing import Finding, Holdings, describe, examine_remote

FILES = {"a": b"first", "b": b"second"}
MODEL = b"model"
LISTED = json.dumps([{"md5": hashlib.md5(content).hexdigest(), "relpath": name} for name, content in FILES.items()])  # noqa: S324


def oid(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()  # noqa: S324


FOLDER = oid(LISTED.encode()) + ".dir"
OBJECTS = {oid(content): content for content in (*FILES.values(), MODEL)} | {FOLDER: LISTED.encode()}


def path_of(store: Path, name: str) -> Path:
    return store / "files" / "md5" / name[:2] / name[2:]


def fill(store: Path) -> None:
    for name, content in OBJECTS.items():
        path_of(store, name).parent.mkdir(parents=True, exist_ok=True)
        path_of(store, name).write_bytes(content)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two outputs, whose cache and remote hold both."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text(
        "[core]\n    no_scm = true\n    analytics = false\n    remote = shared\n"
        "['remote \"shared\"']\n    url = ../../remote\n    verify = true\n"
    )
    stage = {"cmd": "make", "outs": ["data", "model"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": stage}}))
    outs = [{"path": "data", "hash": "md5", "md5": FOLDER}, {"path": "model", "hash": "md5", "md5": oid(MODEL)}]
    lock = {"schema": "2.0", "stages": {"make": {"cmd": "make", "outs": outs}}}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    fill(folder / ".dvc" / "cache")
    fill(tmp_path / "remote")
    return folder


def test_a_whole_remote_is_whole(project: Path) -> None:
    store = project.parent / "remote"
    assert examine_remote(project, contents=True) == Holdings(str(store), True, 4, (), None)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("state", ["missing", "damaged"])
@pytest.mark.parametrize("cached", [True, False])
def test_what_is_wrong_is_found_and_repaired_where_the_cache_has_it(
    project: Path, name: str, state: str, cached: bool
) -> None:
    path = path_of(project.parent / "remote", name)
    if state == "missing":
        path.unlink()
    else:
        path.write_bytes(b"[]" if name == FOLDER else b"damaged")
    output = "model" if name == oid(MODEL) else "data"
    if not cached:
        path_of(project / ".dvc" / "cache", name).unlink()
    found = examine_remote(project, contents=True, repair=True)
    if cached:
        assert (found.wrong, found.repaired) == ((), 1)
        assert path.read_bytes() == OBJECTS[name]
    else:
        assert (found.wrong, found.repaired) == ((Finding((output,), name, state),), 0)


def test_a_damaged_copy_in_the_cache_repairs_nothing(project: Path) -> None:
    missing = path_of(project.parent / "remote", oid(MODEL))
    missing.unlink()
    path_of(project / ".dvc" / "cache", oid(MODEL)).write_bytes(b"damaged")
    assert examine_remote(project, repair=True).wrong == (Finding(("model",), oid(MODEL), "missing"),)
    assert not missing.exists()


def test_a_missing_list_is_not_put_back_while_a_file_of_its_folder_is_missing(project: Path) -> None:
    for name in (FOLDER, oid(FILES["a"])):
        path_of(project.parent / "remote", name).unlink()
    path_of(project / ".dvc" / "cache", oid(FILES["a"])).unlink()
    found = examine_remote(project, repair=True)
    assert {one.oid for one in found.wrong} == {FOLDER, oid(FILES["a"])}
    fill(project / ".dvc" / "cache")
    assert examine_remote(project, repair=True).repaired == 2


@pytest.mark.parametrize("named_last", ["data", "other"])
def test_a_file_of_two_folders_keeps_the_lists_of_both_back(project: Path, named_last: str) -> None:
    """Were a list put back without it, DVC would take that folder for complete, and push the file no more."""
    listed = json.dumps([{"md5": oid(FILES["a"]), "relpath": "a"}]).encode()
    other = oid(listed) + ".dir"
    for store in (project / ".dvc" / "cache", project.parent / "remote"):
        path_of(store, other).parent.mkdir(parents=True, exist_ok=True)
        path_of(store, other).write_bytes(listed)
    outs = [{"path": "data", "hash": "md5", "md5": FOLDER}, {"path": "other", "hash": "md5", "md5": other}]
    outs.sort(key=lambda out: out["path"] == named_last)
    names = [out["path"] for out in outs]
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": {"cmd": "make", "outs": names}}}))
    lock = {"schema": "2.0", "stages": {"make": {"cmd": "make", "outs": outs}}}
    (project / "dvc.lock").write_text(yaml.safe_dump(lock))
    for name in (FOLDER, other, oid(FILES["a"])):
        path_of(project.parent / "remote", name).unlink()
    path_of(project / ".dvc" / "cache", oid(FILES["a"])).unlink()
    found = examine_remote(project, repair=True)
    assert set(found.wrong) == {
        Finding(("data", "other"), oid(FILES["a"]), "missing"),
        Finding(("data",), FOLDER, "missing"),
        Finding(("other",), other, "missing"),
    }
    assert found.repaired == 0
    assert list(describe(found))[1:3] == ["data: 2 missing", "other: 2 missing"]


def test_damage_is_found_only_where_contents_are_read(project: Path) -> None:
    damaged = path_of(project.parent / "remote", oid(MODEL))
    damaged.write_bytes(b"other")
    assert examine_remote(project).wrong == ()
    assert damaged.read_bytes() == b"other"  # DVC's own check would have deleted it


def test_a_list_that_is_nowhere_readable_is_damaged(project: Path) -> None:
    path_of(project.parent / "remote", FOLDER).write_bytes(b"no list")
    path_of(project / ".dvc" / "cache", FOLDER).unlink()
    assert examine_remote(project).wrong == (Finding(("data",), FOLDER, "damaged"),)


def test_no_remote_and_no_run_are_told(project: Path) -> None:
    with pytest.raises(InputError, match=r"docs/sharing.md says how to set a remote up"):
        examine_remote(project, "other")
    (project / "dvc.lock").unlink()
    with pytest.raises(InputError, match=r"names no outputs; run: dvc repro"):
        examine_remote(project)


def test_a_remote_that_refuses_is_told(project: Path) -> None:
    (project.parent / "remote" / "files").rename(project.parent / "remote" / "kept")
    (project.parent / "remote" / "files").write_text("no folder")
    with pytest.raises(InputError, match=r"remote refuses or does not answer: .*; check its address, your credentials"):
        examine_remote(project, repair=True)


def test_what_a_person_is_told() -> None:
    lost = (Finding(("data",), "1", "missing"), Finding(("data",), "2", "missing"), Finding(("model",), "3", "damaged"))
    assert list(describe(Holdings("s3://a/b", False, 9, lost, None))) == [
        "s3://a/b: 9 objects of this run",
        "data: 2 missing",
        "model: 1 damaged",
        "to put it back from DVC's cache, here or where it was made or pulled: empaste remote --contents --repair",
        "DVC takes what comes from there without a check; to have it checked: dvc remote modify NAME verify true",
    ]
    assert list(describe(Holdings("s3://a/b", True, 9, lost[2:], 2))) == [
        "s3://a/b: 9 objects of this run",
        "model: 1 damaged",
        "2 put back from DVC's cache",
        "the cache here does not hold that unharmed; run the same on a machine that made or pulled it",
    ]
    assert list(describe(Holdings("s3://a/b", True, 9, lost[:1], None)))[-1].endswith(": empaste remote --repair")
    assert list(describe(Holdings("s3://a/b", True, 9, lost[:1], 0)))[-1].startswith("the cache here does not hold")
