"""What a public project declares agrees: license, citation, workflows, and the way in which it is installed."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAY_WRITE = {
    ("codeql", "analyze"): {"security-events"},
    ("comment", "comment"): {"contents", "pull-requests"},
    ("pages", "publish"): {"pages", "id-token"},
    ("release", "image"): {"packages"},
    ("release", "publish"): {"contents"},
}
"""What a job of a workflow may write; all others read."""
INDEX_INSTALL = re.compile(r"pip3? install\b[^\n`#;|]*?(?<![\w/.-])empaste(?![\w/.-])")
"""An install of a package called empaste by its name, that is, from an index."""


def test_the_license_is_the_declared_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    text = " ".join((ROOT / "LICENSE").read_text().split())
    assert project["license"] == citation["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    assert text.startswith("Apache License Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in text
    assert project["version"] == citation["version"]


def test_the_citation_names_the_software_and_the_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation.keys() >= {"message", "title", "authors", "references"}
    for reference in citation["references"]:
        assert reference.keys() >= {"type", "title", "authors", "year"}
    assert len(citation["references"]) == 2


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_reads_the_repository_and_few_jobs_write(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        written = {what for what, right in job.get("permissions", {}).items() if right == "write"}
        assert written == MAY_WRITE.get((path.stem, name), set())


def test_what_may_write_runs_nothing_that_a_pull_request_brings() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        triggers = workflow[True]  # YAML 1.1 reads the key "on" so
        assert "pull_request_target" not in triggers
        for name, job in workflow["jobs"].items():
            if "pull_request" in triggers:
                assert MAY_WRITE.get((path.stem, name), set()) <= {"security-events"}
            if "workflow_run" in triggers:
                assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]


def test_actions_have_versions_one_each() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = re.findall(r"uses: (\S+)", text)
    assert not [action for action in used if not re.fullmatch(r"[\w/.-]+@v\d+", action) and not action.startswith("./")]
    versions = {action.partition("@")[0]: action for action in used}
    assert set(versions.values()) == set(used)


def test_pythons_agree() -> None:
    """The workflow tests what the package declares, from the oldest on; the image and the dev container are of that."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == declared
    assert project["requires-python"] == f">={declared[0]}"
    assert f"FROM python:{declared[0]}-slim" in (ROOT / "Dockerfile").read_text()
    assert json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())["image"].endswith(f":{declared[0]}")


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    copies = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [name for line in copies for name in line.split()]
    assert len(sources) == 11
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name.removeprefix("./") for name in sources} == kept
    assert all((ROOT / name).exists() for name in sources)


def test_the_image_and_its_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["1000"]
    assert any("--uid 1000" in line for line in lines)
    assert any("--require-hashes --no-deps --requirement requirements.lock" in line for line in lines)


def test_every_entry_of_the_lock_has_hashes_and_none_an_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.findall(r"^(\S+)==[^\n]*((?:\n .*)*)", lock, re.MULTILINE)
    assert len(entries) > 200
    assert not [name for name, hashes in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", hashes)]
    assert not re.search(r"://| @ |^-", lock, re.MULTILINE)


def test_make_installs_by_hash() -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "install" in line and ".lock" in line and "\t$(BIN)" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)


def test_commands_of_workflows_are_there() -> None:
    """Targets of make, scripts and modules that a workflow calls."""
    makefile = (ROOT / "Makefile").read_text()
    for path in WORKFLOWS:
        runs = "\n".join(re.findall(r"run: (.*(?:\n {10,}.*)*)", path.read_text()))
        for target in (word for line in re.findall(r"\bmake ([a-z -]+)", runs) for word in line.split()):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        assert all((ROOT / script).is_file() for script in re.findall(r"\.ci/\w+", runs))
        assert all((ROOT / f"{name.replace('.', '/')}.py").is_file() for name in re.findall(r"-m (website\.\w+)", runs))


def test_the_audit_is_strict_and_its_tools_are_pinned() -> None:
    """Without --strict, pip-audit ends well where it could look up nothing."""
    makefile = (ROOT / "Makefile").read_text()
    tools = re.findall(r"uv tool run [^\n]*--from (\S+)", makefile)
    assert [tool.partition("==")[0] for tool in tools] == ["pip-audit", "cyclonedx-bom"]
    assert all(re.fullmatch(r"[\w-]+==\d+(\.\d+)+", tool) for tool in tools)
    (audit,) = re.findall(r"^audit:.*\n((?:\t.*\n| .*\n|could.*\n)+)", makefile, re.MULTILINE)
    assert "--strict" in audit
    assert "--requirement requirements.lock" in audit
    assert "exit 1" in audit


def test_the_wheel_holds_every_file_of_the_package() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["empaste"]
    package = ROOT / "src" / "empaste"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}]
    assert len(files) > 10
    assert not [str(path) for path in files if not any(path in package.glob(pattern) for pattern in patterns)]


def test_types_are_shipped() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert "py.typed" in packages["empaste"]
    assert (ROOT / "src" / "empaste" / "py.typed").is_file()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pip install empaste", True),
        ("uv pip install 'empaste[sam]'", True),
        ('pip install -U "empaste"', True),
        ("pip install torch empaste", True),
        ("uv pip install -e '.[sam]'", False),
        ("pip install -e path/to/empaste", False),
        ("pip install -U pillow", False),
    ],
)
def test_an_install_from_an_index_is_known(text: str, found: bool) -> None:
    assert bool(INDEX_INSTALL.search(text)) == found


def test_nothing_sends_a_user_to_an_index_for_this_package() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.yaml")]
    code = [path for folder in ("src/empaste", "stages", "presets") for path in (ROOT / folder).rglob("*.*")]
    texts = {path: path.read_text() for path in pages + code if path.suffix in {".md", ".py", ".yaml", ".jinja"}}
    assert len(texts) > 100
    assert not [str(path) for path, text in texts.items() if INDEX_INSTALL.search(text)]
