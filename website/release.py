"""The notes of a release: ``python -m website.release v1.2.3`` prints the section of the changelog.

It ends with exit code 1 where tag, version and changelog disagree. It needs Python alone.
"""

import re
import sys
import tomllib
from pathlib import Path


def release_notes(tag: str, root: Path) -> str:
    """The changelog's section of the version that ``tag`` names.

    ValueError where the tag is not the version of ``pyproject.toml`` or of ``CITATION.cff``, or has no section.
    """
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    cited = re.search(r"^version: *\"?([^\"\n]+)", (root / "CITATION.cff").read_text(), re.MULTILINE)
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, the version in pyproject.toml {version}: change one of them")
    if not cited or cited[1] != version:
        raise ValueError(f"CITATION.cff does not name the version {version}: change it")
    return _section(version, (root / "CHANGELOG.md").read_text())


def _section(version: str, changelog: str) -> str:
    heading = rf"^## \[?{re.escape(version)}\]?[^\n]*\n"
    found = re.search(rf"{heading}(.*?)(?=^## |^\[|\Z)", changelog, re.DOTALL | re.MULTILINE)
    if not found or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has no section ## [{version}]: move what is below Unreleased there")
    return found[1].strip()


if __name__ == "__main__":
    try:
        print(release_notes(sys.argv[1], Path()))
    except ValueError as error:
        sys.exit(f"ERROR: {error}")
