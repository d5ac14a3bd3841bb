"""The commands of the pages: found, checked against what they call, and, of a tutorial, run.

A block of a page may have a mark in the line above it, which a reader of the page does not see:

- ``<!-- not checked: curl, git: why -->``: these programs are not this project's, and nothing is known of them;
- ``<!-- not run: why -->``: ``python -m website.snippets PAGE``, which runs the blocks of a page, passes over this one.
"""

import contextlib
import io
import logging
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer
import yaml

from empaste.cli import app
from empaste.params import Params, takes
from website.parameters import fields_of

BLOCK = re.compile(
    r"^(?: *<!-- (?P<mark>not \w+): (?P<why>.*?) -->\n+)?(?P<indent> *)```sh\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
INLINE = re.compile(r"(?<!`)`((?:empaste|dvc|make|python -m|pytest|uv pip install) [^`]+)`(?!`)")
"""A command within a line of text."""
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
SHELL = {"cd", "source", "export", "do", "done", "for", "cat"}
"""What may stand at the head of a command and needs no check."""


class Block(NamedTuple):
    """The shell commands in one block of a page, or in one piece of code within a line."""

    line: int
    body: str
    mark: str | None = None
    why: str = ""

    @property
    def foreign(self) -> list[str]:
        """The programs that are marked as not to be checked."""
        return re.split(r",\s*", self.why.partition(":")[0]) if self.mark == "not checked" else []


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of shell commands in a page."""
    for found in BLOCK.finditer(markdown):
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
        yield Block(_line(markdown, found.start("body")), body, found["mark"], found["why"] or "")


def inline(markdown: str) -> Iterator[Block]:
    """The commands within the lines of a page."""
    text = re.sub(
        r"^ *```.*?^ *```$", lambda block: "\n" * block[0].count("\n"), markdown, flags=re.DOTALL | re.MULTILINE
    )
    for found in INLINE.finditer(text):
        yield Block(_line(text, found.start()), " ".join(found[1].split()))


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def commands(script: str) -> Iterator[list[str]]:
    """The words of every simple command in ``script``, those in ``$(…)`` on their own, without assignments."""
    for line in script.replace("\\\n", " ").replace("|\n", "| ").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line)
        for inner in SUBSTITUTION.findall(text):
            yield from commands(inner)
        yield from _simple(SUBSTITUTION.sub("", text))


def _simple(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            yield from _command(words)
            words = []
        else:
            words.append(word)


def _command(words: list[str]) -> Iterator[list[str]]:
    """``words`` from the name of the program on, if there is one."""
    while words and (words[0] == "do" or re.match(r"\w+=", words[0])):
        words = words[1:]
    words = words[: words.index(">")] if ">" in words else words
    if words and words[0] not in SHELL:
        yield words


def faults(block: Block, root: Path) -> Iterator[str]:
    """What is wrong with the commands of ``block``, one sentence each."""
    for program, *words in commands(block.body):
        if program in block.foreign:
            continue
        if program not in CHECKS:
            yield f"nothing is known of {program}: write a check, or mark the block"
        elif said := CHECKS[program](words, root):
            yield f"{shlex.join([program, *words])}: {said}"


def _empaste(words: list[str], root: Path) -> str | None:
    group: Any = typer.main.get_command(app)
    name, *rest = words
    if name not in group.commands:
        return f"there is no command {name}"
    if not rest:
        return None  # a command that is mentioned
    try:
        context = group.commands[name].make_context(name, list(rest))
    except Exception as error:  # noqa: BLE001  typer keeps its own copy of click, and so its errors, to itself
        return f"{error}"
    return _named(name, context.params, root) or _settings(context.params)


def _named(command: str, given: dict[str, Any], root: Path) -> str | None:
    """What is given to a command by name is there."""
    known = {
        "preset": {path.stem for path in root.glob("presets/*.yaml")},
        "study": {path.stem for path in root.glob("src/empaste/studies/*.yaml")},
        "figures": {path.stem for path in root.glob("src/empaste/paper_figures/*.py")},
    }
    kinds = {"preset": "preset", "plan": "preset", "study": "study", "figures": "figures"}
    if command not in kinds:
        return None
    asked = [given["name"]] if command == "study" else given["names"] or []
    strangers = [
        name for name in asked if not (name in known[kinds[command]] or name.isupper() or name.endswith(".yaml"))
    ]
    return f"unknown: {', '.join(strangers)}" if strangers else None


def _settings(given: dict[str, Any]) -> str | None:
    items = [*(given.get("override") or ()), *(given.get("setting") or ())]
    return next(filter(None, map(_setting, items)), None)


def _setting(item: str) -> str | None:
    """What is wrong with ``key=value``."""
    key, _, value = item.lstrip("+").partition("=")
    if key not in dict(fields_of(Params)):
        return f"there is no parameter {key}"
    return None if re.search(r"\$|…", value) or takes(key, yaml.safe_load(value)) else f"{key} cannot be {value}"


def _dvc(words: list[str], root: Path) -> str | None:
    from dvc.cli import DvcParserError
    from dvc.cli.parser import get_main_parser

    if words and all(re.fullmatch(r"[a-z-]+", word) and not word.startswith("-") for word in words):
        return None  # a command that is mentioned
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said), _logged_to(said):
            given = get_main_parser().parse_args(words)
    except DvcParserError:
        return said.getvalue().strip().splitlines()[-1]
    return next(filter(None, map(_setting, getattr(given, "set_param", None) or ())), None)


@contextlib.contextmanager
def _logged_to(stream: io.StringIO) -> Iterator[None]:
    """DVC's log goes to ``stream`` within the block, whatever used DVC in this process before."""
    logger = logging.getLogger("dvc")
    before, logger.handlers = logger.handlers, [logging.StreamHandler(stream)]
    try:
        yield
    finally:
        logger.handlers = before


def _make(words: list[str], root: Path) -> str | None:
    text = (root / "Makefile").read_text()
    targets = re.findall(r"^([\w-]+):", text, re.MULTILINE)
    unknown = [
        word for word in words if (f"$({word.split('=')[0]})" not in text if "=" in word else word not in targets)
    ]
    return f"unknown: {', '.join(unknown)}" if unknown else None


def _python(words: list[str], root: Path) -> str | None:
    """A module that is there, with options that it spells."""
    if words[:1] != ["-m"]:
        return "only python -m is checked"
    place = root / words[1].replace(".", "/")
    files = [path for path in (place.with_suffix(".py"), place / "__main__.py") if path.is_file()]
    if not files:
        return f"there is no module {words[1]}"
    return _spelled(words[2:], files[0])


def _spelled(words: list[str], path: Path) -> str | None:
    text = path.read_text()
    options = [word for word in words if word.startswith("--") and word != "--help"]
    unknown = [word for word in options if not re.search(rf"[\"']{word}[\"']|\b{word[2:].replace('-', '_')}\s*:", text)]
    return f"{path.name} has no {', '.join(unknown)}" if unknown else None


def _pytest(words: list[str], root: Path) -> str | None:
    missing = [word for word in words if not word.startswith("-") and not (root / word).exists()]
    return f"not there: {', '.join(missing)}" if missing else None


def _uv(words: list[str], root: Path) -> str | None:
    """Extras that the project has."""
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = [name for word in words for group in re.findall(r"\[([\w,]+)\]", word) for name in group.split(",")]
    unknown = [name for name in asked if name not in extras]
    return f"there is no extra {', '.join(unknown)}" if unknown else None


CHECKS: dict[str, Callable[[list[str], Path], str | None]] = {
    "empaste": _empaste,
    "dvc": _dvc,
    "make": _make,
    "python": _python,
    "pytest": _pytest,
    "uv": _uv,
}
"""Program -> what is wrong with its words; None where nothing is."""


def run(page: Path) -> None:
    """Every block of ``page`` that has no mark is run from here, one after the other, until one fails."""
    for block in blocks(page.read_text()):
        if block.mark:
            print(f"{page}:{block.line}: {block.mark}: {block.why}", flush=True)
            continue
        print(f"{page}:{block.line}:\n{block.body}", flush=True)
        subprocess.run(["bash", "-euo", "pipefail", "-c", block.body], check=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(Path(name))
