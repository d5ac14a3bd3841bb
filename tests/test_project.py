"""What a public project declares agrees: license, citation, workflows, and the way in which it is installed."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
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
def test_a_workflow_only_reads_the_repository(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job.get("permissions", {}).get("contents", "read") == "read"


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
