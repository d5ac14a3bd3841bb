"""The page in a real browser: keys, brush, polygon, labels, narrow and dark, without an error in its console."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    read_foreground_decisions,
    write_foreground_decisions,
)
from empaste.artifacts.label_decisions import LabelDecision, read_label_decisions
from empaste.images import read_rgb
from empaste.layout import Layout
from empaste.masks import decode_mask, encode_mask
from tests.review.browser import CHROMIUM, MISSING, Browser, browser
from tests.review.conftest import (
    MASKS,
    NAMES,
    TOKEN,
    UNCHOSEN,
    box,
    serving,
    write_pool,
    write_refined,
    write_unchosen,
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        one.resize(1200, 900)
        yield one


@pytest.fixture
def page(chromium: Browser, served: str) -> Iterator[Browser]:
    """The page, open on the least sure ball."""
    chromium.log.clear()
    chromium.open(f"{served}/?token={TOKEN}")
    yield chromium
    chromium.leave()
    assert chromium.log == []


@contextmanager
def opened(chromium: Browser, run: Layout) -> Iterator[Browser]:
    """The page of ``run``, whose console stays empty."""
    with serving(run) as address:
        chromium.log.clear()
        chromium.open(f"{address}/?token={TOKEN}")
        yield chromium
        chromium.leave()
        assert chromium.log == []


def verdicts(run: Layout) -> dict[str, str]:
    return {one.image: one.verdict for one in read_foreground_decisions(run.foreground_decisions)}


def says(page: Browser, id_: str, text: str) -> None:
    page.wait(f"document.getElementById('{id_}').innerText.includes({text!r})")


def point(page: Browser, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the image lies in the window: the whole image is shown, in the middle of the canvas."""
    left, top, width, height = page.run(
        "(() => { const box = canvas.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()"
    )
    scale = min(width / 60, height / 40)
    return left + (width - 60 * scale) / 2 + x * scale, top + (height - 40 * scale) / 2 + y * scale


def test_keep_reject_next_and_undo_by_keys(page: Browser, run: Layout) -> None:
    says(page, "facts", "1 of 2 · confidence 0.20 · train/b.png")
    page.press("n")
    says(page, "facts", "2 of 2 · confidence 0.90 · train/a 1.png")
    page.press("n")
    says(page, "status", "This is the last one of the class")
    page.press("p")
    says(page, "facts", "1 of 2")
    page.press("k")
    says(page, "facts", "2 of 2")
    assert verdicts(run) == {NAMES[1]: "keep"}
    page.press("r")
    says(page, "progress", "2 of 3 decided: 1 kept, 1 rejected, 0 mended")
    assert verdicts(run) == {NAMES[0]: "reject", NAMES[1]: "keep"}
    says(page, "verdict", "rejected")
    page.press("z")
    says(page, "progress", "1 of 3 decided")
    assert verdicts(run) == {NAMES[1]: "keep"}
    page.press("z")
    says(page, "progress", "0 of 3 decided")
    page.press("z")
    says(page, "status", "There is nothing to undo.")
    assert verdicts(run) == {}


def test_a_decision_is_cleared_and_the_order_turned(page: Browser, run: Layout) -> None:
    page.press("k")
    says(page, "facts", "2 of 2")
    page.press("p")
    says(page, "verdict", "kept")
    page.press("c")
    says(page, "progress", "0 of 3 decided")
    assert verdicts(run) == {}
    page.run("(() => { const box = document.getElementById('order'); box.value = 'most'; "
             "box.dispatchEvent(new Event('change')); })()")  # fmt: skip
    says(page, "facts", "1 of 2 · confidence 0.90")


def test_brush_and_eraser_mend_a_mask(page: Browser, run: Layout) -> None:
    page.press("b")
    page.drag(point(page, 40, 20), point(page, 50, 20))
    page.press("n")
    says(page, "status", "The mask is changed")
    page.press("z")
    page.press("e")
    page.drag(point(page, 8, 5), point(page, 8, 38))
    page.press("k")
    says(page, "progress", "1 mended")
    [made] = read_foreground_decisions(run.foreground_decisions)
    assert (made.verdict, made.mask) == ("mend", encode_mask(MASKS[2]))
    assert made.mended is not None
    mended = decode_mask(made.mended)
    assert not (mended & ~MASKS[2]).any()
    assert MASKS[2].sum() - mended.sum() == pytest.approx(20 * 5, abs=21)
    page.press("p")
    says(page, "verdict", "mended")
    page.press("k")  # a mended mask that is kept stays mended
    says(page, "facts", "2 of 2")
    assert read_foreground_decisions(run.foreground_decisions) == [made]


def test_a_polygon_drawn_anew_replaces_the_mask(page: Browser, run: Layout) -> None:
    page.press("x")
    page.press("k")
    says(page, "status", "The mask is empty")
    page.press("g")
    for corner in ((10, 10), (30, 10), (30, 30)):
        page.drag(point(page, *corner))
    page.press("Enter")
    for corner in ((25, 10), (30, 10), (30, 30), (25, 30)):
        page.drag(point(page, *corner))
    page.press("Enter", shift=True)
    page.press("k")
    says(page, "progress", "1 mended")
    [made] = read_foreground_decisions(run.foreground_decisions)
    assert made.mended is not None
    y, x = np.mgrid[:40, :60] + 0.5
    wanted = (x > 10) & (x < 25) & (y > 10) & (y < x)
    assert np.count_nonzero(decode_mask(made.mended) != wanted) <= 2 * math.hypot(20, 20)


def test_what_was_drawn_is_dropped_with_escape(page: Browser, run: Layout) -> None:
    page.press("b")
    page.drag(point(page, 40, 20), point(page, 50, 20))
    page.press("Escape")
    page.press("Escape")
    page.press("k")
    says(page, "progress", "1 kept")
    assert verdicts(run) == {NAMES[1]: "keep"}


def change_label(page: Browser, number: int, labels: str) -> None:
    """The label of that number, from 0, is clicked in the open dialog, and the image then has ``labels``."""
    page.run(f"document.querySelectorAll('#label-list input')[{number}].click()")
    says(page, "labels", labels)


def open_labels(page: Browser) -> None:
    page.press("l")
    page.wait("document.getElementById('label-dialog').open")


def close_labels(page: Browser) -> None:
    page.run("document.getElementById('label-dialog').close()")


def test_labels_are_corrected(page: Browser, run: Layout) -> None:
    open_labels(page)
    assert page.run("[...document.querySelectorAll('#label-list input')].map((box) => box.checked)") == [True, False]
    change_label(page, 1, "ball, fish & <chips>")
    assert read_label_decisions(run.label_decisions) == [LabelDecision(NAMES[1], "fish & <chips>", "added")]


def test_a_gone_foreground_is_said_and_can_be_cleared(chromium: Browser, served: str, run: Layout) -> None:
    gone = ForegroundDecision("train/z.png", "cup", "keep", encode_mask(box(1)))
    write_foreground_decisions(run.foreground_decisions, [gone])
    chromium.log.clear()
    chromium.open(f"{served}/?token={TOKEN}")
    chromium.run("[...document.querySelectorAll('#classes button')].at(-1).click()")
    says(chromium, "gone", "Its image is no training image of this run.")
    chromium.press("c")
    says(chromium, "progress", "0 of 3 decided")
    assert verdicts(run) == {}
    assert chromium.log == []


def test_a_server_that_has_ended_and_a_wrong_token_are_said(chromium: Browser, served: str) -> None:
    chromium.open(f"{served}/?token={TOKEN}")
    chromium.run("window.fetch = () => Promise.reject(new Error('refused'))")
    chromium.press("k")
    says(chromium, "trouble", "The server does not answer. Start empaste review again")


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_is_wider_than_the_window(page: Browser, width: int) -> None:
    page.resize(width, 800)
    assert page.run("document.documentElement.scrollWidth") <= width
    page.press("?")
    page.wait("document.getElementById('help').open")
    box = page.run("document.getElementById('help').getBoundingClientRect().right")
    assert box <= width
    page.resize(1200, 900)


def test_the_picture_is_described_and_every_control_has_a_name(page: Browser) -> None:
    assert page.run("canvas.getAttribute('aria-label')") == (
        "ball in train/b.png: its mask is outlined; confidence 0.20, undecided"
    )
    nameless = "[...document.querySelectorAll('button, input, select')].filter((one) => !one.innerText.trim() && " \
        "!one.ariaLabel && !one.labels?.length).length"  # fmt: skip
    assert page.run(nameless) == 0


def test_light_and_dark(page: Browser) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        shades.append(page.run("getComputedStyle(document.body).backgroundColor"))
    page.send("Emulation.setEmulatedMedia", features=[])
    assert shades == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


def test_the_outline_is_drawn_where_the_mask_ends(page: Browser) -> None:
    left, top = page.run("(() => { const box = canvas.getBoundingClientRect(); return [box.left, box.top]; })()")
    places = [point(page, *pixel) for pixel in ((16, 20), (50, 20), (6, 20))]
    spots = [[round(x - left), round(y - top)] for x, y in places]
    inside, outside, edge = page.run(
        "(() => { const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); "
        f"return {spots}.map(([x, y]) => Array.from(data.slice(4 * (y * width + x), 4 * (y * width + x) + 3))); }})()"
    )
    assert inside == [100, 100, 100]
    assert max(outside) < 60
    assert edge not in (inside, outside)


def choose(page: Browser, id_: str, value: str) -> None:
    page.run(f"(() => {{ const box = document.getElementById('{id_}'); box.value = '{value}'; "
             "box.dispatchEvent(new Event('change')); })()")  # fmt: skip


@pytest.fixture
def unchosen(chromium: Browser, run: Layout) -> Iterator[Browser]:
    """The page of a run with a ball and a fish of which nothing was chosen, open on the ball."""
    with opened(chromium, write_unchosen(run)) as page:
        says(page, "progress", "0 of 3 decided: 0 kept, 0 rejected, 0 mended · 0 drawn, 2 without a mask")
        says(page, "facts", "1 of 2")  # not among the others
        choose(page, "filter", "missing")
        says(page, "facts", f"1 of 1 · F-EM chose no mask · {UNCHOSEN[0]}")
        yield page


def test_a_mask_is_drawn_where_nothing_was_chosen(unchosen: Browser, run: Layout) -> None:
    assert unchosen.text("verdict") == "nothing chosen"
    for key, said in (("k", "Nothing is drawn"), ("r", "there is nothing to reject")):
        unchosen.press(key)
        says(unchosen, "status", said)
    assert verdicts(run) == {}
    unchosen.press("g")
    for corner in ((10, 10), (40, 10), (40, 30), (10, 30)):
        unchosen.drag(point(unchosen, *corner))
    unchosen.press("Enter")
    unchosen.press("e")
    unchosen.drag(point(unchosen, 35, 5), point(unchosen, 35, 35))
    unchosen.press("k")
    says(unchosen, "progress", "1 drawn, 1 without a mask")
    [made] = read_foreground_decisions(run.foreground_decisions)
    assert (made.image, made.verdict, made.mended is not None) == (UNCHOSEN[0], "mend", True)
    assert not decode_mask(made.mask).any()
    assert made.mended is not None
    drawn = decode_mask(made.mended)
    assert drawn[12:28, 12:30].all()
    assert not drawn[12:28, 34:36].any()
    says(unchosen, "verdict", "drawn")
    unchosen.press("c")
    says(unchosen, "progress", "0 drawn, 2 without a mask")
    assert verdicts(run) == {}


def test_an_image_without_a_mask_is_not_dimmed(unchosen: Browser, tmp_path: Path) -> None:
    def middle() -> list[int]:
        unchosen.screenshot(tmp_path / "shown.png")
        x, y = point(unchosen, 50, 20)
        return list(map(int, read_rgb(tmp_path / "shown.png")[round(y), round(x)]))

    assert middle() == [130, 130, 130]
    unchosen.press("b")
    unchosen.drag(point(unchosen, 10, 20), point(unchosen, 12, 20))
    unchosen.wait_for(lambda: middle() == [99, 99, 99], "what is outside is dimmed a little")
    unchosen.press("Escape")
    unchosen.press("Escape")


def test_an_undone_drawing_is_shown_again(unchosen: Browser, run: Layout) -> None:
    unchosen.press("b")
    unchosen.drag(point(unchosen, 20, 20), point(unchosen, 30, 20))
    unchosen.press("k")
    says(unchosen, "progress", "1 drawn, 1 without a mask")
    choose(unchosen, "filter", "all")
    says(unchosen, "facts", "1 of 3")  # what was drawn is the third
    unchosen.press("z")
    says(unchosen, "facts", UNCHOSEN[0])
    assert unchosen.run("document.getElementById('filter').value") == "missing"
    assert verdicts(run) == {}


def test_a_label_that_is_taken_away_takes_the_image_out_of_the_list(unchosen: Browser, run: Layout) -> None:
    open_labels(unchosen)
    change_label(unchosen, 0, "none")
    close_labels(unchosen)
    says(unchosen, "facts", "No image of this class is without a mask.")
    says(unchosen, "progress", "0 drawn, 1 without a mask")
    assert read_label_decisions(run.label_decisions) == [LabelDecision(UNCHOSEN[0], "ball", "removed")]


def drawn_by(run: Layout) -> list[tuple[str, int]]:
    return [(one.image, one.instance) for one in read_foreground_decisions(run.foreground_decisions) if one.mended]


def draw(page: Browser, x: float) -> None:
    """A stroke of the brush down the picture; a tool once taken stays in the hand."""
    if page.run("document.querySelector('[data-key=b]').getAttribute('aria-pressed')") == "false":
        page.press("b")
    page.drag(point(page, x, 5), point(page, x, 35))


def test_several_objects_are_drawn_in_one_image(unchosen: Browser, run: Layout) -> None:
    unchosen.press("a")
    says(unchosen, "status", "Nothing is drawn")
    draw(unchosen, 10)
    unchosen.press("a")
    says(unchosen, "status", "White lines show what is there already.")
    says(unchosen, "facts", f"2 of 2 · another object of the class · {UNCHOSEN[0]}")
    assert unchosen.text("verdict") == "to be drawn"
    says(unchosen, "progress", "1 drawn, 1 without a mask")
    unchosen.press("x")
    unchosen.press("k")
    says(unchosen, "status", "Nothing is drawn")
    unchosen.press("z")
    draw(unchosen, 40)
    unchosen.press("k")
    says(unchosen, "progress", "2 drawn, 1 without a mask")
    assert drawn_by(run) == [(UNCHOSEN[0], 0), (UNCHOSEN[0], 1)]
    unchosen.press("z")
    says(unchosen, "progress", "1 drawn, 1 without a mask")
    says(unchosen, "facts", "another object of the class")
    unchosen.press("n")
    says(unchosen, "status", "This is the last one of the class")
    unchosen.press("p")
    says(unchosen, "facts", "1 of 1")  # nothing was drawn, so nothing is listed
    assert drawn_by(run) == [(UNCHOSEN[0], 0)]


def test_another_object_is_drawn_beside_a_chosen_one(page: Browser, run: Layout, tmp_path: Path) -> None:
    page.press("a")
    says(page, "facts", f"2 of 3 · another object of the class · {NAMES[1]}")
    assert verdicts(run) == {NAMES[1]: "keep"}
    page.screenshot(tmp_path / "shown.png")
    x, y = point(page, 6, 20)  # the left edge of what is kept
    edge = read_rgb(tmp_path / "shown.png")[round(y), round(x) - 8 : round(x) + 9]
    assert edge.min(axis=1).max() > 200
    draw(page, 50)
    page.press("k")
    says(page, "facts", f"3 of 3 · confidence 0.90 · {NAMES[0]}")  # on with what was to be judged
    says(page, "progress", "1 of 3 decided: 1 kept, 0 rejected, 0 mended · 1 drawn, 0 without a mask")
    assert drawn_by(run) == [(NAMES[1], 1)]


def test_what_is_begun_stays_open_while_labels_are_corrected(page: Browser, run: Layout) -> None:
    page.press("a")
    says(page, "facts", "another object of the class")
    draw(page, 50)
    open_labels(page)
    change_label(page, 1, "ball, fish & <chips>")
    close_labels(page)
    says(page, "progress", "1 without a mask")
    page.press("k")
    says(page, "progress", "1 drawn, 1 without a mask")
    assert drawn_by(run) == [(NAMES[1], 1)]


def test_a_run_in_which_nothing_was_chosen_at_all_opens_on_what_is_to_draw(chromium: Browser, run: Layout) -> None:
    write_pool(run, [(1, 1, 0, 0.9)][:0])
    with opened(chromium, run) as page:
        says(page, "facts", f"1 of 2 · F-EM chose no mask · {NAMES[0]}")


def test_refined_masks_are_outlined_and_drawn_on_from(chromium: Browser, run: Layout, tmp_path: Path) -> None:
    write_refined(run, [(2, 1, box(30))])
    with opened(chromium, run) as page:
        says(page, "masks", "The full outline is F-EM's mask; refine drew 1 here (dashed). This run pastes what refine")
        page.resize(360, 800)
        assert page.run("document.documentElement.scrollWidth") <= 360
        page.resize(1200, 900)
        dashed = brightness(page, tmp_path / "dashed.png")
        page.press("v")
        plain = brightness(page, tmp_path / "plain.png")
        assert max(plain) < 100 < max(dashed)
        assert min(dashed) < 100  # dashes have gaps
        page.press("u")
        page.press("k")
        says(page, "progress", "1 mended")
        [made] = read_foreground_decisions(run.foreground_decisions)
        assert (made.mask, made.mended) == (encode_mask(MASKS[2]), encode_mask(box(30)))
        says(page, "masks", "refine drew nothing here")
        page.press("u")
        says(page, "status", "refine drew nothing here.")


def brightness(page: Browser, path: Path) -> list[int]:
    """The brightest of the three colours along the left edge of ``box(30)``, as the window shows it."""
    page.screenshot(path)
    pixels = read_rgb(path)
    places = [point(page, 30, 10 + step / 4) for step in range(80)]
    return [int(pixels[round(y), round(x)].max()) for x, y in places]


def test_a_run_without_refined_masks_says_so(page: Browser) -> None:
    assert page.run("document.getElementById('refined').hidden") is True
    page.press("v")
    says(page, "status", "This run has no refined masks.")
