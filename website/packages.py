"""The pages on the code: one per package and module right below ``empaste``, made of the docstrings by mkdocstrings."""

from collections.abc import Iterator
from pathlib import Path

FOLDER = "reference/code"


def package_names(root: Path) -> list[str]:
    """The packages and modules right below ``empaste``, by name."""
    found = (root / "src/empaste").iterdir()
    return sorted(path.stem for path in found if path.suffix == ".py" or (path / "__init__.py").is_file())


def package_pages(root: Path) -> Iterator[tuple[str, str]]:
    """Path below the site and Markdown of every page."""
    names = [name for name in package_names(root) if name != "__init__"]
    lines = [f"- [`empaste.{name}`]({name}.md)" for name in names]
    yield (
        f"{FOLDER}/index.md",
        "\n".join(["# Code", "", "What the docstrings say, package by package.", "", *lines, ""]),
    )
    for name in names:
        yield f"{FOLDER}/{name}.md", f"# empaste.{name}\n\n::: empaste.{name}\n"
