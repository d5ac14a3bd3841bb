"""The notes of a release are the changelog's; tag, versions and changelog must agree."""

from pathlib import Path

import pytest

from website.release import release_notes

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-12-01

### Added

- One thing.

## [1.1.0] - 2026-11-01

- Another thing.

[1.2.0]: somewhere
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_section_of_the_version_is_printed(root: Path) -> None:
    assert release_notes("v1.2.0", root) == "### Added\n\n- One thing."


def test_the_last_section_ends_where_the_links_begin(root: Path) -> None:
    for name in ("pyproject.toml", "CITATION.cff"):
        (root / name).write_text((root / name).read_text().replace("1.2.0", "1.1.0"))
    assert release_notes("v1.1.0", root) == "- Another thing."


@pytest.mark.parametrize(
    ("tag", "name", "old", "new", "said"),
    [
        ("v1.3.0", "CHANGELOG.md", "", "", "the tag is v1.3.0, the version in pyproject.toml 1.2.0"),
        ("1.2.0", "CHANGELOG.md", "", "", "the tag is 1.2.0"),
        (
            "v1.2.0",
            "CITATION.cff",
            "\nversion: 1.2.0",
            "\nversion: 1.1.0",
            "CITATION.cff does not name the version 1.2.0",
        ),
        ("v1.2.0", "CHANGELOG.md", "## [1.2.0]", "## [1.2.1]", r"no section ## \[1.2.0\]"),
        ("v1.2.0", "CHANGELOG.md", "### Added\n\n- One thing.\n", "", r"no section ## \[1.2.0\]"),
    ],
)
def test_what_does_not_agree_is_refused(root: Path, tag: str, name: str, old: str, new: str, said: str) -> None:
    path = root / name
    path.write_text(path.read_text().replace(old, new) if old else path.read_text())
    with pytest.raises(ValueError, match=said):
        release_notes(tag, root)
