"""The page is one file that holds, escaped, what was found."""

import re
import shutil
from pathlib import Path

import pytest

from empaste.inspection.labels import Doubt, Judged
from empaste.inspection.page import MOST, render_page, size_chart, together_rows
from tests.inspection.looks import inspection, look, picture
from tests.inspection.test_findings import FULL
from tests.report.test_page import Reader, browse

TOGETHER = {("cat", "dog <b>"): 2, ("dog <b>", "cat"): 2}


@pytest.fixture(scope="module")
def page() -> str:
    found = FULL.__class__(**{**vars(FULL), "together": TOGETHER, "warnings": ("a <script> & more",)})
    return render_page(found, ["stage  disk", "sum    2 <GB>"], "")


def test_it_is_well_formed_and_refers_to_nothing_outside(page: str) -> None:
    read = Reader(page)
    assert [link for link in read.links if not link.startswith(("data:", "#"))] == []
    assert {link[1:] for link in read.links if link.startswith("#")} <= read.ids
    assert all(read.images)
    assert len(read.images) == 7


def test_names_are_text(page: str) -> None:
    assert "<b>" not in page
    assert "<script>" not in page
    for text in ("dog &lt;b&gt;", "a &lt;script&gt; &amp; more", "2 &lt;GB&gt;"):
        assert text in page


def test_all_sections_are_there_and_only_where_there_is_something(page: str) -> None:
    assert re.findall(r'<section id="(\w+)"', page) == [
        "classes",
        "sizes",
        "across",
        "labels",
        "within",
        "small",
        "cost",
    ]
    clean = render_page(inspection([look(1, picture(1))]), [], "no forecast here")
    assert re.findall(r'<section id="(\w+)"', clean) == ["classes", "sizes", "cost"]
    assert "no two classes are ever together" in clean
    assert "no forecast here" in clean


def test_of_many_doubts_the_page_shows_the_strongest() -> None:
    looks = [look(number, picture(number, (8, 6))) for number in range(MOST + 5)]
    doubts = [Doubt(number, 0, True, 0.0) for number in range(MOST + 5)]
    shown = render_page(inspection(looks, judged=Judged(doubts, [])), [], "")
    assert shown.count("<img") == MOST
    assert "5 more: findings.csv" in shown


def test_sizes_are_counted_in_ranges() -> None:
    chart = size_chart(
        inspection([look(1, picture(1, (64, 10))), look(2, picture(2, (127, 10))), look(3, picture(3, (300, 9)))])
    )
    assert [name in chart for name in ("64–127", "128–255", "256–383", "384–511")] == [True, True, True, False]
    assert size_chart(inspection([])) == ""


def test_classes_that_appear_together_are_counted() -> None:
    assert together_rows(inspection([], together=TOGETHER)) == [("cat", [0, 2]), ("dog <b>", [2, 0])]
    assert together_rows(inspection([])) == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed (Debian: chromium)")
def test_a_browser_shows_it_without_errors_or_requests(page: str, tmp_path: Path) -> None:
    dom, log, requests = browse(page, tmp_path / "page")
    assert dom.count("<img") == 7
    assert (requests, "CONSOLE" in log) == ([], False)


def test_margins_are_shown_the_largest_first() -> None:
    looks = [look(number, picture(number, (8, 6)), margin_area=number / 10) for number in range(3)]
    shown = render_page(inspection(looks), [], "")
    assert re.findall(r"(\d).jpg: cat – its margins take up (\d+)%", shown) == [("2", "20"), ("1", "10")]
    assert "Set prepare.trim_margins to true to cut them off." in shown
