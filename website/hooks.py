"""What MkDocs calls while it builds the site: made pages, links, formulas, flow charts, names of parameters."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from empaste.params import Params
from website.commands import commands_page
from website.flowchart import draw_flowcharts
from website.formulas import draw_formulas
from website.links import TOP_PAGES, for_site
from website.packages import package_pages
from website.parameters import fields_of, parameters_page

ROOT = Path(__file__).parent.parent
PARAMETERS = "reference/parameters.md"
KEY = re.compile(r"<code>(\w+(?:\.\w+)+)</code>")
"""A dotted name in code within a line."""


def made_pages(root: Path) -> Iterator[tuple[str, str]]:
    """Path below the site and Markdown of every page that is not a file of ``docs/``."""
    for name, page in TOP_PAGES.items():
        yield page, (root / name).read_text()
    yield PARAMETERS, parameters_page(root)
    yield "reference/commands.md", commands_page()
    yield from package_pages(root)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The navigation, with the pages of a folder in place of each folder in it."""
    made = [path for path, _ in package_pages(ROOT)]
    written = [path.relative_to(ROOT / "docs").as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    config.nav = unfold(config.nav, [*made, *written])
    return config


def unfold(nav: Any, pages: list[str]) -> Any:
    """``nav`` with all ``pages`` in a folder, in their order, in place of its path, which ends with a slash."""
    if isinstance(nav, list):
        return [unfold(entry, pages) for entry in nav]
    if isinstance(nav, dict):
        return {title: unfold(entry, pages) for title, entry in nav.items()}
    return [page for page in pages if page.startswith(nav)] if nav.endswith("/") else nav


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The files of ``docs/``, and the pages that are made."""
    for path, text in made_pages(ROOT):
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with the site's links and its flow charts drawn."""
    path = {made: name for name, made in TOP_PAGES.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    source = f"{config.repo_url.rstrip('/')}/blob/main" if config.repo_url else None
    return draw_flowcharts(for_site(markdown, path, source))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with formulas drawn, and with every parameter that it names linked to what it means."""
    html = draw_formulas(html)
    there = files.get_file_from_path(PARAMETERS)
    if there is None or page.file is there:
        return html
    return link_parameters(html, there.url_relative_to(page.file))


def link_parameters(html: str, reference: str) -> str:
    """``html`` with every name of a parameter that stands in code, and is no link yet, leading to ``reference``."""
    keys = {key for key, _ in fields_of(Params)}
    outside = re.split(r"(<a\b.*?</a>|<h\d.*?</h\d>|<pre.*?</pre>)", html, flags=re.DOTALL)
    return "".join(
        part if n % 2 else KEY.sub(lambda found: _linked(found, keys, reference), part)
        for n, part in enumerate(outside)
    )


def _linked(found: re.Match[str], keys: set[str], reference: str) -> str:
    return f'<a href="{reference}#{found[1]}">{found[0]}</a>' if found[1] in keys else found[0]
