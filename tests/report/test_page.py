import contextlib
import html
import html.parser
import json
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from empaste.artifacts.metrics import flatten
from empaste.layout import HERE
from empaste.report import charts
from empaste.report.figures import by_hand
from empaste.report.inputs import Run, read_plot
from empaste.report.page import plot_charts, quality_chart, render_page
from empaste.report.sheets import build_sheets

VOID = {"meta", "link", "img", "line", "circle", "polyline", "br", "rect", "input"}


class Reader(html.parser.HTMLParser):
    """Text, images and addresses of a page; refuses tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values["id"]} if "id" in values else set()
        self.links += [values[key] for key in ("href", "src") if key in values]
        self.images += [values["alt"]] if tag == "img" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data + " "


def render(folder: Path) -> str:
    metrics = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "metrics").glob("*.json"))}
    curves = {path.stem: read_plot(path) for path in sorted((folder / "plots").glob("*.csv"))}
    params = yaml.safe_load((folder / "params.yaml").read_text())
    return render_page(metrics, curves, build_sheets(Run(HERE.below(folder), 3)), params)


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    return render(run_folder)


def test_it_needs_nothing_beside_it(page: str) -> None:
    assert {link.split(",")[0].split(":")[0] for link in Reader(page).links if link[0] != "#"} == {"data"}
    outside = page[: page.index('id="parameters"')]  # an endpoint's address may stand among the parameters, as text
    assert not re.search(r"https?://", outside)
    assert not re.search(r"url\(|@import", page)
    assert page.count("<script") == 1


def test_every_link_of_the_navigation_leads_somewhere(page: str) -> None:
    reader = Reader(page)
    targets = [link[1:] for link in reader.links if link.startswith("#")]
    assert len(targets) == 11
    assert set(targets) <= reader.ids


def test_the_results_come_first(page: str) -> None:
    text = " ".join(Reader(page).text.split())
    for title, value in [("mask AP50", "58.4"), ("mask AP75", "37.2"), ("foreground precision, F-EM", "100.0")]:
        assert f"{value} {title}" in text
    assert "ball 1,234 3 91.5 50.0 50.0 tv & <monitor>" in text
    assert "all 2,468 6 91.5 58.4 37.2 58.4" in text
    assert "right at IoU 0.5 66.7 83.2 100.0" in text
    assert "4 train images · 2 val images · 2 classes" in text


def test_every_metric_and_every_parameter_is_named(page: str, run_folder: Path) -> None:
    text = Reader(page).text
    params = yaml.safe_load((run_folder / "params.yaml").read_text())
    for section in params.values():
        assert all(name in text for name in flatten(section))
    for path in (run_folder / "metrics").glob("*.json"):
        assert all(name in text for name in flatten(json.loads(path.read_text())))


def test_every_picture_has_its_caption_as_alternative_text(page: str) -> None:
    images = Reader(page).images
    assert "1 · ball" in images
    assert "Step 1 · p 0.80 · IoU 0.00 ✗" in images
    assert "EM 1 · p 0.80 · IoU 1.00 ✓" in images
    assert "6 · no detection, best only 0.30" in images
    assert "5 · 1 detection, best 0.90" in images


def test_the_same_run_gives_the_same_bytes_without_places_or_times(page: str, run_folder: Path) -> None:
    assert render(run_folder) == page
    assert str(run_folder) not in page


def test_what_a_run_lacks_is_said_in_words(bare_folder: Path) -> None:
    text = " ".join(Reader(render(bare_folder)).text.split())
    assert "Not measured: the training split has no masks" in text
    assert "no masks for its training images" in text
    assert "No background was made or selected" in text
    assert "5 · no masks known · ball" in text
    assert "5 · no detection" in text
    assert "– mask AP50" in text


@pytest.mark.usefixtures("run_folder")
def test_names_cannot_break_the_page() -> None:
    metrics = {"evaluate": {"mask": {"AP50": 1.0, "AP50_per_class": {"<script>x</script>": 1.0}}}}
    page = render_page(metrics, {"<em>": pd.DataFrame({"<i>": [1], "<u>": [2.0]})}, [], {"<s>": {"a": "<hr>"}})
    assert not re.search(r"<script>x|<em>|<i>|<u>|<s>|<hr>", page)


def test_empty_curves_and_no_metrics_at_all_make_a_page() -> None:
    text = Reader(render_page({}, {"train": pd.DataFrame({"iteration": [], "loss": []})}, [], {})).text
    assert "Nothing was measured." in text
    assert "No figures per class" in text
    assert quality_chart({}) == ""
    assert plot_charts("train", pd.DataFrame({"iteration": [1, 2], "note": ["a", "b"]})) == []


BAD_PAGE = """<html><body><img src="http://example.org/a.png"><script>console.error("trouble")</script></body></html>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed (Debian: chromium)")
def test_a_browser_shows_it_without_errors_or_requests(page: str, tmp_path: Path) -> None:
    dom, log, requests = browse(page, tmp_path / "good")
    assert dom.count("<img") == page.count("<img") > 10
    assert (requests, "CONSOLE" in log) == ([], False)
    _, log, requests = browse(BAD_PAGE, tmp_path / "bad")
    assert (requests, "CONSOLE" in log) == (["GET http://example.org/a.png HTTP/1.1"], True)


ACT = """
const said = (name, value) => document.body.setAttribute(`data-said-${name}`, value);
const { classes, right } = document.getElementById("filter").elements;
said("all", document.querySelector("output[name=count]").value);
classes.value = "ball"; classes.dispatchEvent(new Event("input", { bubbles: true }));
said("balls", document.querySelector("output[name=count]").value);
right.value = "no"; right.dispatchEvent(new Event("input", { bubbles: true }));
said("wrong", document.querySelector("output[name=count]").value);
document.querySelector(".panel button:not([hidden] *)").click();
said("enlarged", document.querySelector("dialog[open] img").alt);
document.querySelector("dialog").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
said("next", document.querySelector("dialog[open] p").textContent);
document.querySelector("dialog button[value=close]").click();
said("closed", String(document.querySelector("dialog[open]") === null));
said("room", String(document.documentElement.scrollWidth <= window.innerWidth));
"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed (Debian: chromium)")
def test_pictures_can_be_filtered_and_enlarged(page: str, tmp_path: Path) -> None:
    own = re.search(r"<meta http-equiv[^>]*>", page)
    assert own, "the page lets a browser run its own script alone"
    acted = page.replace(own[0], "").replace("</body>", f"<script>{ACT}</script></body>")
    dom, log, _ = browse(acted, tmp_path / "acted", "--window-size=360,800")
    said = {name: html.unescape(value) for name, value in re.findall(r'data-said-(\w+)="([^"]*)"', dom)}
    assert "CONSOLE" not in log
    assert said["all"] == "20 of 20 shown"
    assert (said["balls"], said["wrong"]) == ("13 of 20 shown", "10 of 20 shown")
    assert (said["enlarged"], said["next"]) == ("1 · ball", "3 · ball, tv & <monitor>")
    assert (said["closed"], said["room"]) == ("true", "true")


def browse(page: str, folder: Path, *options: str) -> tuple[str, str, list[str]]:
    """What a browser makes of ``page``, its log, and the requests to elsewhere, which all reach a proxy of ours.

    Without those to the browser's own maker, which it sends for itself.
    """
    folder.mkdir()
    (folder / "index.html").write_text(page)
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", *quiet, "--enable-logging=stderr", "--v=0"]
    requests: list[str] = []
    with proxy(requests) as address:
        places = [f"--user-data-dir={folder / 'profile'}", f"--proxy-server={address}", f"file://{folder}/index.html"]
        done = subprocess.run(
            [*command, *options, "--dump-dom", *places], capture_output=True, text=True, timeout=120, check=True
        )
    return done.stdout, done.stderr, [line for line in requests if "google" not in line]


@contextlib.contextmanager
def proxy(requests: list[str]) -> Iterator[str]:
    """A proxy on loopback that answers nothing and notes the first line of every request."""

    class Note(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            requests.append(self.rfile.readline().decode().strip())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Note) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_precision_and_recall_of_many_classes_are_one_mean() -> None:
    table = pd.DataFrame([(f"class {k}", recall, 1.0 if k else 0.0) for k in range(10) for recall in (0.0, 1.0)])
    table.columns = ["class_name", "recall", "precision"]
    assert plot_charts("precision_recall", table)[0].count("<polyline") == 1
    assert plot_charts("precision_recall", table.head(16))[0].count("<polyline") == 8


def test_reliability_stands_beside_confidence_taken_at_its_word() -> None:
    table = pd.DataFrame({"confidence": [0.2, 0.6], "precision": [30.0, 90.0], "foregrounds": [4, 8]})
    (chart,) = plot_charts("foregrounds_reliability", table)
    assert chart.count("<polyline") == 2
    assert "confidence taken at its word" in chart
    assert "percent right at IoU 0.5" in chart
    assert plot_charts("foregrounds_reliability", table.head(0)) == []


def test_a_histogram_over_classes_is_bars_in_the_tables_order() -> None:
    table = pd.DataFrame({"class_name": ["cat", "a & b"], "available": [8, 2], "images": [4, 2]})
    (chart,) = plot_charts("prepare", table)
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', chart)]
    assert heights == pytest.approx([184, 46, 92, 46])
    assert ">cat</text>" in chart
    assert "a &amp; b" in chart
    assert "training images" in chart
    assert re.findall(r"<li[^>]*>(\w+)</li>", chart) == ["available", "images"]


def test_long_names_below_bars_stay_apart_and_are_told_in_full() -> None:
    names = ["f" * 60, "f" * 59 + "g", "f" * 30 + "x" + "f" * 29, "كرة", "<b>"]
    (chart,) = plot_charts("prepare", pd.DataFrame({"class_name": names, "images": range(5)}))
    shown = re.findall(r"<text [^>]*rotate[^>]*>([^<]*)(?:<title>([^<]*)</title>)?</text>", chart)
    assert len({text for text, _ in shown}) == 5
    assert all(len(text) <= charts.MAX_LETTERS for text, _ in shown)
    assert [title for _, title in shown] == [*names[:3], "", ""]
    assert [text for text, _ in shown][3:] == ["\u2068كرة\u2069", "&lt;b&gt;"]


def test_columns_that_agree_are_drawn_once() -> None:
    table = pd.DataFrame({"class_name": ["cat", "dog"], "available": [8, 2], "images": [8, 2]})
    (chart,) = plot_charts("prepare", table)
    assert chart.count("<rect") == 2
    assert "legend" not in chart


def test_many_classes_are_counted_rather_than_named() -> None:
    table = pd.DataFrame({"class_name": [f"class {k}" for k in range(80)], "images": range(80)})
    (chart,) = plot_charts("prepare", table)
    assert chart.count("<rect") == 80
    assert "80 classes" in chart
    assert "class 7" not in chart


def test_bars_of_nothing_are_empty_and_bars_of_zero_flat() -> None:
    assert charts.bar_chart({}, "classes", "count") == "" == charts.bar_chart({"a": {}}, "classes", "count")
    assert 'height="0.0"' in charts.bar_chart({"a": {"cat": 0}}, "classes", "count")


def test_charts_have_round_ticks_and_keep_the_last_point() -> None:
    chart = charts.line_chart({"loss": [(step, 1 / step) for step in range(1, 2001)]}, "iteration", "loss")
    assert chart.count(",") <= charts.MAX_POINTS + 2
    for tick in (0, 500, 1000, 1500, 2000):
        assert (f">{tick}</text>" in chart) == (tick != 0 or ">0</text>" in chart)
    assert charts._ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert charts._ticks(0.31, 0.94) == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert charts._ticks(3, 3)[0] <= 3 <= charts._ticks(3, 3)[-1]


def test_rounds_stand_right_behind_the_iterations_and_the_axis_says_so() -> None:
    iterations = {"iter_0": 40.0, "iter_1": 50.0, "iter_2": 60.0}
    alone = quality_chart({"foregrounds": {"precision50": iterations | {"pool": 65.0}}})
    assert ">EM iteration (0 is Step 1)</text>" in alone
    metrics = {
        "foregrounds": {"precision50": iterations | {"pool": 65.0}, "mean_iou": {"iter_0": None, "pool": None}},
        "refine": {"precision50": {"round_1": 80.0, "round_2": 90.0}, "mean_iou": {"round_1": 70.0}},
    }
    chart = quality_chart(metrics)
    assert ">EM iteration (0 is Step 1), from 3 on round of refinement</text>" in chart
    places, one = (
        [float(x) for x in re.findall(rf'<circle class="c{number}" cx="([\d.]+)"', chart)] for number in (0, 1)
    )
    assert len(places) == 5, "the pool is no step"
    assert np.diff(places) == pytest.approx([places[1] - places[0]] * 4)
    assert one == [places[3]]


def test_a_chart_of_nothing_finite_is_empty() -> None:
    assert charts.line_chart({"loss": [(1, float("nan"))]}, "iteration", "loss") == ""


def test_a_single_point_is_drawn_inside_the_frame() -> None:
    (place,) = re.findall(r'<circle class="c0" cx="([\d.]+)"', charts.line_chart({"a": [(1, 2.0)]}, "x", "y"))
    assert charts.LEFT <= float(place) <= charts.WIDTH - charts.RIGHT


def test_what_a_person_decided_is_counted() -> None:
    decisions = {"kept": 1200, "rejected": 30, "mended": 0, "gone": 2, "nothing_left": 1}
    metrics = {
        "foregrounds": {"decisions": decisions},
        "prepare": {"labels_corrected": {"added": 3, "removed": 0, "without_effect": 0}},
    }
    assert by_hand({}) == by_hand({"foregrounds": {}}) == ""
    said = "1,200 foregrounds kept, 30 rejected, 2 decisions on foregrounds that are gone, 1 labels of images of which "
    assert by_hand(metrics) == said + "nothing is left to choose, 3 labels added"
    page = render_page(metrics, {}, [], {})
    assert "Decided by a person: 1,200 foregrounds kept" in page
    assert "more than image-level labels" in page
    assert "Decided by a person" not in render_page({}, {}, [], {})
