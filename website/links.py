"""Links of the pages: as GitHub resolves them between files, and as the site does between pages."""

import posixpath
import re

TOP_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Files at the top of the repository that are pages of the site, by their place there."""
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^ *```.*?^ *```$|``.*?``|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
"""What Markdown leaves as it is: fenced blocks, and code within a line."""


def resolve(target: str, path: str) -> str:
    """The file in the repository that the link ``target`` in the file ``path`` means, both from the top."""
    return posixpath.normpath(
        posixpath.join(posixpath.dirname(path), target.partition("#")[0] or posixpath.basename(path))
    )


def page_of(path: str) -> str | None:
    """Where the file ``path`` of the repository is in the site; None where it is not there."""
    if path in TOP_PAGES:
        return TOP_PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def for_site(markdown: str, path: str, source: str | None) -> str:
    """The Markdown of the file ``path`` with its links as the site needs them.

    A link to a file that is no page leads to it below ``source``, the address of the repository's files; without such
    an address its text alone stays.
    """
    parts = CODE.split(_whole_links(markdown))
    return "".join(part if CODE.fullmatch(part) else _moved(part, path, source) for part in parts).replace("\0", "`")


def _whole_links(markdown: str) -> str:
    """``markdown`` with the backticks in the texts of its links set apart, so that a link is in one piece."""
    return LINK.sub(lambda found: f"[{found[1].replace('`', chr(0))}]({found[2]})", markdown)


def _moved(text: str, path: str, source: str | None) -> str:
    text = LINK.sub(lambda found: _link(found[1], found[2], path, source), text)
    return PICTURE.sub(lambda found: f"![{found[1]}]({_target(found[2], path) or found[2]})", text)


def _link(text: str, target: str, path: str, source: str | None) -> str:
    if re.match(r"[a-z]+:", target):
        return f"[{text}]({target})"
    if inside := _target(target, path):
        return f"[{text}]({inside})"
    return f"[{text}]({source}/{resolve(target, path)})" if source else text


def _target(target: str, path: str) -> str | None:
    """``target``, a link between files, as one between pages; None where what it means is no page."""
    here, there = page_of(path), page_of(resolve(target, path))
    if here is None or there is None:
        return None
    _, mark, anchor = target.partition("#")
    return posixpath.relpath(there, posixpath.dirname(here) or ".") + mark + anchor
