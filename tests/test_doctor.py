"""``empaste doctor``: every kind of trouble is named with what to do, and only what is needed breaks it."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste import doctor
from empaste.doctor import Check
from empaste.params import load_params
from empaste.proposals import METHODS
from empaste.proposals.catalogue import SOURCES
from empaste.report.lettering import describe_letters

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository as cloned: parameters, graph, DVC's configuration, no outputs."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc" / "config", tmp_path / ".dvc")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def change(folder: Path, **changed: Any) -> None:
    """Set parameters; sections and keys are joined by two underscores."""
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text())
    for key, value in changed.items():
        *sections, name = key.split("__")
        place = content
        for section in sections:
            place = place[section]
        place[name] = value
    path.write_text(yaml.safe_dump(content))


def method_checks(folder: Path) -> list[Check]:
    params = load_params(folder / "params.yaml")
    return doctor.check_method(params) + doctor.check_paths(params)


def test_a_fresh_clone_is_healthy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.print_report(folder)
    text = capsys.readouterr().out
    assert "BROKEN" not in text
    assert "params.yaml is valid" in text
    assert "no outputs yet of prepare" in text
    assert "no default remote" in text
    assert "which learned from nothing" in text
    assert describe_letters()[1] in " ".join(text.split())
    for name, source in SOURCES.items():
        assert any(line.split()[:1] == [name] and source.learned_from in line for line in text.splitlines())


def test_the_command_ends_with_an_exit_code(folder: Path) -> None:
    command = [Path(sys.executable).with_name("empaste"), "doctor"]
    for broken in (False, True):
        if broken:
            change(folder, paste__n_p=0)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == int(broken), done.stderr
        assert ("BROKEN params.yaml: paste.n_p is 0" in done.stdout) is broken


def test_every_source_stands_in_the_catalogue() -> None:
    assert set(SOURCES) == set(METHODS)


def test_sources_that_want_something_say_how_to_get_it() -> None:
    for source in SOURCES.values():
        assert bool(source.needs) == bool(source.install)
        assert set(source.needs) <= set(doctor.OPTIONAL)


def test_the_page_holds_the_catalogue() -> None:
    page = (ROOT / "docs" / "proposals.md").read_text()
    rows = [[cell.strip(" `*") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    said = {row[0].split("`")[0]: row for row in rows}
    for name, source in SOURCES.items():
        assert said[name][1] == source.learned_from
        assert said[name][-1].replace(",", "") == source.speed


def test_old_python_is_broken() -> None:
    assert doctor.check_python((3, 11, 0)) == Check("ok", "Python 3.11.0")
    assert doctor.check_python((3, 10, 9)) == Check("broken", "Python 3.10.9; install 3.11 or later")


def test_workers_that_are_no_number_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    assert doctor.check_workers() == Check("ok", "3 worker processes (EMPASTE_WORKERS)")
    monkeypatch.setenv("EMPASTE_WORKERS", "many")
    assert doctor.check_workers().state == "broken"


def test_a_full_disk_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_FREE_GB", 10**9)
    assert doctor.check_disk(folder).state == "note"


def test_versions_are_compared() -> None:
    assert doctor.check_required([f"numpy=={version('numpy')}", "no-such; extra == 'dev'"])[0].state == "ok"
    old, missing = doctor.check_required(["numpy<1", "no-such-package>=2"])
    assert old == Check("broken", f"numpy is {version('numpy')}, wanted <1; run: make setup")
    assert missing == Check("broken", "no-such-package>=2 is not installed; run: make setup")
    assert doctor.check_required([])[0].state == "note"


def test_optional_packages_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_optional("h5py", "files: pip install x").text == f"h5py {version('h5py')} (files)"
    lost = doctor.check_optional("no_such_package", "files: pip install x")
    assert lost == Check("note", "no_such_package is not installed (files): pip install x")


def test_a_method_whose_package_is_missing_is_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder, proposals__method="gca10")
    assert {check.state for check in method_checks(folder)} == {"ok"}
    monkeypatch.setattr(doctor, "is_installed", lambda package: False)
    broken = method_checks(folder)[0]
    assert broken == Check("broken", "gca10 needs maxflow: uv pip install -e '.[gca10]'")


def test_a_captioner_has_what_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> list[Check]:
        params, _ = doctor.read_params(folder / "params.yaml")
        assert params is not None
        return doctor.check_captions(params)

    assert checks() == [Check("ok", "captions by labels")]
    change(folder, captions__method="file", captions__file=str(folder / "none.csv"))
    assert checks()[1] == Check("broken", f"captions.file is {folder}/none.csv, which does not exist; correct the path")
    change(folder, captions__method="git", captions__model="microsoft/git-base-coco")
    assert [check.state for check in checks()] == ["ok", "note"]
    monkeypatch.setattr(doctor, "is_installed", lambda package: False)
    assert checks()[0].text == "captions.method git needs transformers: uv pip install -e '.[generative]'"


def test_the_detectors_backend_is_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> list[Check]:
        params, _ = doctor.read_params(folder / "params.yaml")
        assert params is not None
        return doctor.check_detector(params)

    monkeypatch.setattr(doctor, "is_installed", lambda package: False)
    assert checks() == [Check("ok", "detector by torchvision")]
    change(folder, train__backend="detectron2")
    assert checks() == [
        Check(
            "broken",
            "train.backend detectron2 needs detectron2: https://detectron2.readthedocs.io/tutorials/install.html",
        )
    ]
    monkeypatch.setattr(doctor, "is_installed", lambda package: True)
    assert checks() == [Check("ok", "detector by detectron2")]


def test_strong_supervision_is_noted(folder: Path) -> None:
    change(folder, proposals__method="sam", proposals__sam__model="facebook/sam-vit-base")
    checks = method_checks(folder)
    assert Check("note", "proposals by sam, which learned from masks (SA-1B)") in checks
    assert [check.state for check in checks if "sam.model" in check.text] == ["note"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"proposals__method": "mcg", "proposals__mcg__root": "/none"}, "proposals.mcg.root is /none"),
        ({"proposals__method": "sam", "proposals__sam__model": "./none"}, "proposals.sam.model is ./none"),
        ({"prepare__dataset": "voc", "prepare__root": "/none"}, "prepare.root is /none"),
        ({"classifier__weights": "/none.pth"}, "classifier.weights is /none.pth"),
        (
            {"paste__foregrounds": "file", "paste__foregrounds_file": "/none.json"},
            "paste.foregrounds_file is /none.json",
        ),
    ],
)
def test_paths_that_lead_nowhere_are_broken(folder: Path, changed: dict[str, Any], said: str) -> None:
    change(folder, **changed)
    broken = [check.text for check in method_checks(folder) if check.state == "broken"]
    assert broken == [f"{said}, which does not exist; correct the path"]


def test_paths_that_are_there_are_fine(folder: Path) -> None:
    change(folder, proposals__method="mcg", proposals__mcg__root=str(folder))
    assert Check("ok", f"proposals.mcg.root is {folder}") in method_checks(folder)


def test_the_remote_is_named(folder: Path) -> None:
    local = folder / ".dvc" / "config.local"
    local.write_text("[core]\n    remote = shared\n")
    assert doctor.check_dvc(folder)[1].state == "broken"
    local.write_text("[core]\n    remote = shared\n['remote \"shared\"']\n    url = ssh://host/store\n")
    assert doctor.check_dvc(folder)[1] == Check("ok", "DVC's default remote is shared (ssh://host/store)")
    local.write_text("no section")
    assert doctor.check_dvc(folder)[0].state == "broken"


def test_outputs_that_are_there_are_told_from_those_that_are_not(folder: Path) -> None:
    stages = {"first": {"outs": ["a", {"b": {"cache": False}}]}, "second": {"metrics": ["c"]}}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for name in "ab":
        (folder / name).touch()
    assert doctor.check_outputs(folder) == [Check("note", "no outputs yet of second; to make them: dvc repro")]
    (folder / "c").touch()
    assert doctor.check_outputs(folder)[0].state == "ok"


def test_elsewhere_everything_is_broken(tmp_path: Path) -> None:
    assert not doctor.print_report(tmp_path)
    assert doctor.check_dvc(tmp_path)[0].state == "broken"
    assert doctor.check_outputs(tmp_path)[0].state == "broken"


def test_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_TRACKING", "off")
    assert doctor.check_tracking().state == "note"
    monkeypatch.setenv("EMPASTE_TRACKING", "perhaps")
    assert doctor.check_tracking().state == "broken"
    monkeypatch.setenv("EMPASTE_TRACKING", "on")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    assert "secret" not in doctor.check_tracking().text
    assert doctor.check_tracking().text.startswith("runs cannot be recorded in http://…@127.0.0.1:9: nothing answers")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert doctor.check_tracking().text.endswith("mlflow.db")


def test_a_local_store_is_shown_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///sub/x.db")
    assert doctor.check_tracking() == Check("ok", f"runs are recorded in {tmp_path}/sub/x.db")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.db").write_text("no database at all")
    assert doctor.check_tracking().state == "broken"
    assert "the file is no SQLite database" in doctor.check_tracking().text
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite://")
    assert doctor.check_tracking().state == "broken" and doctor.check_models() == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///a%2520b/x.db")
    assert doctor.check_tracking() == Check("ok", f"runs are recorded in {tmp_path}/a%20b/x.db")
    assert "dst_path" in doctor.check_models()[0].text


def test_a_download_without_git_is_told_what_to_do(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    (check,) = doctor.check_git(folder)
    assert check.state == "broken" and "git init && git add -A" in check.text and "core.no_scm true" in check.text
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    assert doctor.check_git(folder)[0].state == "note"


def test_git_without_a_commit_or_a_name_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    commit, name = doctor.check_git(folder)
    assert commit.state == name.state == "note"
    assert "git has no commit yet" in commit.text
    assert "git config --global user.name ... && git config --global user.email ..." in name.text
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "commit", "-qm", "a", "--allow-empty"], check=True)
    subprocess.run(["git", "-C", folder, "config", "user.name", "a"], check=True)
    subprocess.run(["git", "-C", folder, "config", "user.email", "a@b"], check=True)
    assert doctor.check_git(folder) == [Check("ok", "git knows this repository, and who commits")]


@pytest.mark.parametrize(
    ("repository", "cache", "said"),
    [
        ("/a b%20;&+/r", "/c", []),
        ("/a#b", "/c", ["--temp and --queue end in an error below a path with # or ?"]),
        ("/a?b", "/c", ["--temp and --queue end in an error below a path with # or ?"]),
        ("/ü", "/ü/.dvc/cache", ["where the cache's path is not all ASCII"]),
        ("/ü", "/c", []),
        ("/{a}", "/{a}/.dvc/cache", ["DVC cannot use a cache below a path with braces"]),
    ],
)
def test_what_dvc_cannot_do_in_a_place_is_said(repository: str, cache: str, said: list[str]) -> None:
    checks = doctor.check_names(Path(repository), Path(cache))
    assert len(checks) == len(said)
    assert all(part in check.text for part, check in zip(said, checks, strict=True))


def test_formats_that_pillow_lacks_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.features, "check", lambda name: name != "avif")
    assert doctor.check_formats() == Check(
        "note", "Pillow here reads no avif; for such photographs run: pip install -U pillow"
    )
