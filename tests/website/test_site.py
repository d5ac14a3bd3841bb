"""What is made of the pages for the site: links, formulas, flow charts, names of parameters, commands, navigation."""

import html
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from website.commands import commands_page
from website.flowchart import BLOCK, Flowchart, draw, draw_flowcharts, parse, place
from website.formulas import draw_formulas
from website.hooks import link_parameters, unfold
from website.links import CODE, for_site, resolve
from website.packages import package_names, package_pages

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("markdown", "path", "expected"),
    [
        ("[a](docs/inputs.md#coco)", "README.md", "[a](inputs.md#coco)"),
        ("![a](docs/overview.jpg)", "README.md", "![a](overview.jpg)"),
        ("[a](../README.md)", "docs/detectors.md", "[a](index.md)"),
        ("[a](../networks.md)", "docs/lab/photographs.md", "[a](../networks.md)"),
        ("[a](../../CHANGELOG.md#x)", "docs/lab/photographs.md", "[a](../changelog.md#x)"),
        ("[a](#here)", "docs/inputs.md", "[a](inputs.md#here)"),
        ("[a](https://host/x.md)", "README.md", "[a](https://host/x.md)"),
        ("[`dvc.yaml`](dvc.yaml), x", "README.md", "`dvc.yaml`, x"),
        ("`[a](dvc.yaml)`", "README.md", "`[a](dvc.yaml)`"),
        ("```\n[a](dvc.yaml)\n```\n", "README.md", "```\n[a](dvc.yaml)\n```\n"),
    ],
)
def test_links_of_the_site(markdown: str, path: str, expected: str) -> None:
    assert for_site(markdown, path, None) == expected


def test_files_that_are_no_pages_are_linked_where_the_repository_is() -> None:
    assert (
        for_site("[`a`](../src/x.py)", "docs/a.md", "https://host/blob/main")
        == "[`a`](https://host/blob/main/src/x.py)"
    )
    assert resolve("../src/x.py#L3", "docs/a.md") == "src/x.py"


def test_formulas_become_mathml() -> None:
    drawn = draw_formulas(r'<p><span class="arithmatex">\(a &lt; b\)</span></p><div class="arithmatex">\[x^2\]</div>')
    assert "arithmatex" not in drawn
    inline, block = re.findall(r"<math.*?</math>", drawn)
    assert 'display="inline"' in inline
    assert 'display="block"' in block
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in block
    assert "&lt;" in inline or "&#x0003C;" in inline


def test_every_formula_of_the_pages_is_understood() -> None:
    """What the converter does not know it leaves as it is, with its backslash."""
    num_formulas = 0
    for page in ROOT.glob("docs/**/*.md"):
        text = CODE.sub("", page.read_text())
        for formula in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", text, re.DOTALL):
            mathml = draw_formulas(f'<span class="arithmatex">\\({html.escape("".join(formula))}\\)</span>')
            assert "\\" not in mathml, formula
            num_formulas += 1
    assert num_formulas > 20


def test_a_flowchart_is_read() -> None:
    chart = parse('flowchart LR\n  a --> b & c["the third<br>line"]\n  b & c --> d --> e\n')
    assert chart.labels == {"a": "a", "b": "b", "c": "the third<br>line", "d": "d", "e": "e"}
    assert chart.edges == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "e")]


@pytest.mark.parametrize("text", ["graph LR\n a --> b", "flowchart LR\n a -.-> b", "flowchart LR\n a(round) --> b"])
def test_what_is_no_flowchart_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not understood; write: "):
        parse(text)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_arrows_lead_onwards_and_boxes_lie_apart(direction: str) -> None:
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d")]
    boxes = place(Flowchart(direction, {name: name * 5 for name in "abcd"}, edges))
    along = {name: box.x if direction == "LR" else box.y for name, box in boxes.items()}
    assert all(along[one] < along[other] for one, other in edges)
    b, c = boxes["b"], boxes["c"]
    assert abs(b.x - c.x) >= (b.width + c.width) / 2 or abs(b.y - c.y) >= (b.height + c.height) / 2


def test_a_drawn_chart_has_a_box_per_node_and_an_arrow_per_edge() -> None:
    svg = draw(parse('flowchart TB\n  a["x & y"] --> b\n'))
    tree = ElementTree.fromstring(svg)
    assert [text.text for text in tree.iter(f"{SVG}text")] == ["x & y", "b"]
    assert len(list(tree.iter(f"{SVG}rect"))) == 2
    assert len([path for path in tree.iter(f"{SVG}path") if path.get("class") == "arrow"]) == 1
    assert "\n" not in svg


def test_the_picture_of_the_pipeline_is_that_of_dvc_yaml() -> None:
    """The arrows, and what follows from them, are the stages' dependencies; none is left out, none is made up."""
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outputs = {out: name for name, stage in stages.items() for out in stage["outs"]}
    needed = {(outputs[dep], name) for name, stage in stages.items() for dep in stage["deps"] if dep in outputs}
    drawn = set(parse(found[1]).edges)
    assert drawn <= needed
    assert needed <= closure(drawn)


def closure(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    more = edges | {(a, d) for a, b in edges for c, d in edges if b == c}
    return edges if more == edges else closure(more)


def test_every_flowchart_of_the_pages_can_be_drawn() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        assert "```mermaid" not in draw_flowcharts(page.read_text())


def test_parameters_are_linked_where_they_stand_in_code() -> None:
    link = '<a href="p/#paste.n_p"><code>paste.n_p</code></a>'
    assert link_parameters("<p><code>paste.n_p</code> <code>paste.n_q</code></p>", "p/") == (
        f"<p>{link} <code>paste.n_q</code></p>"
    )
    for text in ("<h2><code>paste.n_p</code></h2>", "<pre><code>paste.n_p</code></pre>", link):
        assert link_parameters(text, "p/") == text


def test_every_command_is_on_its_page() -> None:
    from empaste.cli import app

    page = commands_page()
    names = [
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback
    ]
    assert len(names) > 10
    assert [name for name in names if f"## `empaste {name}`" not in page] == []


def test_every_package_has_a_page() -> None:
    pages = dict(package_pages(ROOT))
    assert {"paste", "masks", "cli"} <= set(package_names(ROOT))
    assert "::: empaste.paste\n" in pages["reference/code/paste.md"]
    assert "[`empaste.paste`](paste.md)" in pages["reference/code/index.md"]


def test_folders_of_the_navigation_are_unfolded() -> None:
    nav = [{"A": "a.md"}, {"B": ["x.md", {"C": "lab/"}]}]
    assert unfold(nav, ["lab/1.md", "lab/2.md", "other.md"]) == [
        {"A": "a.md"},
        {"B": ["x.md", {"C": ["lab/1.md", "lab/2.md"]}]},
    ]
