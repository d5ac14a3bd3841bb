"""The pages as they are in the repository: links lead somewhere, and commands are what the programs take."""

import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from website.links import CODE, LINK, PICTURE, resolve
from website.snippets import Block, blocks, commands, faults, inline, run

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern))
NO_SITE = {"CHANGELOG.md"}
"""It tells of commands as they once were."""
MADE = re.compile(r"docs/results/|src/empaste/proposals/grid\.py")
"""Files that a user makes."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def prose(page: str) -> str:
    """The page without its code."""
    return CODE.sub("", text_of(page))


def anchors(page: str) -> set[str]:
    """The anchors of the page's headings, as GitHub and the site make them."""
    plain = re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", LINK.sub(r"\1", heading).lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> Iterator[str]:
    """The targets of the page's links and pictures within the repository."""
    whole = re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    for pattern in (LINK, PICTURE):
        yield from (found[2] for found in pattern.finditer(whole) if not re.match(r"[a-z]+:", found[2]))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in links(page):
        path = resolve(target, page)
        assert (ROOT / path).exists(), f"{page}: {target}"
        if "#" in target:
            assert target.partition("#")[2] in anchors(path), f"{page}: {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NO_SITE])
def test_commands_are_what_the_programs_take(page: str) -> None:
    text = text_of(page)
    said = [
        f"{page}:{block.line}: {fault}"
        for find in (blocks, inline)
        for block in find(text)
        for fault in faults(block, ROOT)
    ]
    assert not said, "\n".join(said)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NO_SITE])
def test_files_that_are_named_are_there(page: str) -> None:
    named = re.findall(r"(?<!`)`((?:src|tests|docs|stages|presets|benchmarks|website)/[\w/.-]+)`", text_of(page))
    assert not [name for name in named if not (ROOT / name).exists() and not MADE.match(name)]


def test_every_block_of_commands_is_found() -> None:
    """A block that the pattern does not see would go unchecked."""
    for page in PAGES:
        text = text_of(page)
        assert len(list(blocks(text))) == len(re.findall(r"^ *```(?:sh|bash|shell|console)\b", text, re.MULTILINE)), (
            page
        )


def test_every_page_is_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Tags of MkDocs stay unread."""

    Loader.add_multi_constructor("", lambda *_: None)
    nav = list(leaves(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)["nav"]))  # noqa: S506  a SafeLoader
    missing = [page for page in PAGES if page.startswith("docs/") and not is_in(page.removeprefix("docs/"), nav)]
    assert not missing, f"name them below nav in mkdocs.yml: {missing}"


def leaves(nav: object) -> Iterator[str]:
    if isinstance(nav, list):
        for entry in nav:
            yield from leaves(entry)
    elif isinstance(nav, dict):
        yield from leaves(list(nav.values()))
    else:
        assert isinstance(nav, str)
        yield nav


def is_in(page: str, nav: list[str]) -> bool:
    return page in nav or f"{posixpath.dirname(page)}/" in nav


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("dvc repro  # run\n", [["dvc", "repro"]]),
        ("a 'b c' && d | e > f\n", [["a", "b c"], ["d"], ["e"]]),
        (
            "dvc exp run $(empaste preset voc) -S x.y=1\n",
            [["empaste", "preset", "voc"], ["dvc", "exp", "run", "-S", "x.y=1"]],
        ),
        ("for n in 1 2; do dvc exp run -S paste.n_p=$n; done\n", [["dvc", "exp", "run", "-S", "paste.n_p=$n"]]),
        ("A=1 empaste doctor\nlist=2\n", [["empaste", "doctor"]]),
        ("empaste predict \\\n  photo.jpg\n", [["empaste", "predict", "photo.jpg"]]),
        ("dvc exp run -S a=classifier#layer3\n", [["dvc", "exp", "run", "-S", "a=classifier#layer3"]]),
    ],
)
def test_words_of_commands(script: str, expected: list[list[str]]) -> None:
    assert list(commands(script)) == expected


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("empaste predicts a.jpg", "there is no command predicts"),
        ("empaste predict a.jpg --min-scor 1", "No such option"),
        ("empaste predict a.jpg --min-score 2", "less than or equal to 1"),
        ("empaste plan vocc", "unknown: vocc"),
        ("empaste study ablations", "unknown: ablations"),
        ("empaste figures chioce", "unknown: chioce"),
        ("empaste plan voc --set paste.np=1", "there is no parameter paste.np"),
        ("empaste plan voc --set train.iterations=many", "train.iterations cannot be many"),
        ("dvc exp run -S paste.np=1", "there is no parameter paste.np"),
        ("dvc exp run --quue", "--quue"),
        ("make tests", "unknown: tests"),
        ("make faults FAULT=1", "unknown: FAULT=1"),
        ("python -m tests.fuz", "there is no module tests.fuz"),
        ("python -m tests.fuzz --readers coco", "has no --readers"),
        ("pytest tests/pasta", "not there: tests/pasta"),
        ("uv pip install -e '.[generativ]'", "there is no extra generativ"),
        ("wget somewhere", "nothing is known of wget"),
    ],
)
def test_a_wrong_command_is_noticed(command: str, said: str) -> None:
    assert said in "\n".join(faults(Block(1, command), ROOT))


def test_a_marked_program_is_passed_over_and_others_are_not() -> None:
    block = Block(1, "wget x\nempaste nothing\n", "not checked", "wget, tar: they need the network")
    assert list(faults(block, ROOT)) == ["empaste nothing: there is no command nothing"]


def test_a_mark_belongs_to_the_block_below_it() -> None:
    marked, plain = blocks("<!-- not run: it waits -->\n```sh\nmake ui\n```\n\n```sh\nmake demo\n```\n")
    assert (marked.mark, marked.why, marked.body) == ("not run", "it waits", "make ui\n")
    assert (plain.mark, plain.line) == (None, 7)


def test_the_commands_of_a_page_are_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path("page.md")
    page.write_text(
        "```sh\necho one > said\n```\n<!-- not run: it waits -->\n```sh\necho two >> said\n```\n"
        "```sh\necho three >> said\n```\n```sh\nfalse | true\necho four >> said\n```\n"
    )
    with pytest.raises(subprocess.CalledProcessError):
        run(page)
    assert Path("said").read_text() == "one\nthree\n"
