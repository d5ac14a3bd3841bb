"""The report that a person reads."""

from typing import Any

import pytest

from empaste.costs.archives import FETCH
from empaste.costs.cost import Cost, Passes, Task
from empaste.costs.counting import Counted
from empaste.costs.downloads import Download
from empaste.costs.forecast import Forecast, Line
from empaste.costs.rates import Estimate, read_rates
from empaste.costs.table import (
    aligned,
    download_text,
    gpu_text,
    passes_text,
    print_forecast,
    render,
    size_text,
    time_text,
)
from tests.costs.shipped import COUNTS

LOOKED = Passes("classifier.forward", "resnet50", 224, 12000, at_most=True)
TRAINED = Passes("detector.v2.training", "timm:lite0", 1024, 640)
LINES = (
    Line("prepare", Cost(images=14, tasks=(Task("read", 1),)), Estimate(30.0), (), None, 5e6),
    Line("evidence", Cost(10, 80, (LOOKED, TRAINED), at_most=True), Estimate(7200.0), (), Estimate(None), 0),
    Line("train", Cost(640, passes=(TRAINED,), steps=40), Estimate(None), (), Estimate(36000.0, scaled=True), 2e9),
)


def forecast(**changes: Any) -> Forecast:
    given: dict[str, Any] = {
        "title": "voc", "dataset": "voc", "data": Counted(COUNTS, "as published"), "lines": LINES, "downloads": (),
        "lacks": (), "lacks_data": False, "cores": 2, "rates": read_rates(),
    }  # fmt: skip
    return Forecast(**(given | changes))


def test_the_whole_report() -> None:
    lines = list(render(forecast()))
    assert lines[0] == "Plan of voc: 10 training and 4 validation images, as published"
    assert lines[1] == "50 × 40 pixels in the mean, 3 classes, 1.5 labels per image"
    assert lines[3:9] == [
        "stage     images  segments  forward passes                 steps    disk   2 CPU cores           GPU",
        "prepare       14                                                  5.0 MB          15 s    on the CPU",
        "evidence     ≤10       ≤80  ≤12,000 × resnet50 224 px                            1.0 h  not measured",
        "                            640 × lite0 1024 px, training",
        "train        640            640 × lite0 1024 px, training     40  2.0 GB  not measured         ~10 h",
        "sum                                                           40  2.0 GB        >1.0 h        >~10 h",
    ]
    assert lines[-6:] == ["", "To download:", "  nothing", "", "Missing here:", "  nothing"]


def test_downloads_and_what_is_missing() -> None:
    one = Download("captions.model", "some/blip", 990e6, False)
    lines = list(render(forecast(downloads=(one,), lacks=("the data set voc: …",), lacks_data=True)))
    at = lines.index("To download:")
    urls = [archive.url for archive in FETCH["voc"].archives]
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == urls
    assert lines[at + 3] == "  some/blip (990 MB; captions.model)"
    assert lines[-2:] == ["Missing here:", "  the data set voc: …"]


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_forecast(forecast())
    assert capsys.readouterr().out.splitlines() == list(render(forecast()))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, ""), (9.94, "9.9 s"), (59, "59 s"), (60, "1.0 min"), (3599, "60 min"), (3600, "1.0 h"),
        (36000, "10 h"), (172800, "2.0 days"), (8640000, "100 days"), (None, "not measured"),
    ],
)  # fmt: skip
def test_times(seconds: float | None, text: str) -> None:
    assert time_text(Estimate(seconds)) == text


def test_a_time_is_shared_and_marked() -> None:
    assert time_text(Estimate(7200, scaled=True), cores=2) == "~1.0 h"
    assert time_text(Estimate(3600, partial=True)) == ">1.0 h"
    assert time_text(Estimate(3600, True, True)) == ">~1.0 h"
    assert gpu_text(None) == "on the CPU"
    assert gpu_text(Estimate(60)) == "1.0 min"


@pytest.mark.parametrize(
    ("num_bytes", "text"), [(999999, ""), (1e6, "1.0 MB"), (12.4e6, "12 MB"), (3.44e9, "3.4 GB"), (2e12, "2.0 TB")]
)
def test_sizes(num_bytes: float, text: str) -> None:
    assert size_text(num_bytes) == text


@pytest.mark.parametrize(
    ("passes", "text"),
    [
        (LOOKED, "≤12,000 × resnet50 224 px"),
        (TRAINED, "640 × lite0 1024 px, training"),
        (Passes("captions.blip.word", "Salesforce/blip", 384, 9), "9 × blip 384 px, words"),
        (Passes("diffusion.denoise", "a/b", 512, 9), "9 × b 512 px, denoising"),
        (Passes("clip.forward", "hf-hub:laion/CLIP", 224, 9), "9 × CLIP 224 px"),
    ],
)
def test_passes(passes: Passes, text: str) -> None:
    assert passes_text(passes) == text


def test_a_download_says_where_it_stands() -> None:
    assert download_text(Download("k", "a/b", None, True)) == "a/b (of unknown size; k), which is in the cache"


def test_numbers_are_aligned_to_the_right() -> None:
    rows = [("a", "1", "", "x", "", "", "", ""), ("bb", "100", "", "yy", "", "", "", "")]
    assert list(aligned(rows)) == ["a     1    x", "bb  100    yy"]
