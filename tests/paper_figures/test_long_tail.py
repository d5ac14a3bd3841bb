"""Bars in the order of frequency, of a run and of a study."""

from pathlib import Path

import pytest

from empaste.artifacts.outputs import write_json
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures.canvas import WIDTH, style
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.long_tail import Bar, Bars, bars_of_run, bars_of_study, draw_bars, draw_long_tail
from empaste.studies.results import class_column, write_result
from tests.studies.test_results import result


def write_metrics(folder: Path, sizes: dict[str, int], rates: dict[str, float | None]) -> Layout:
    write_json(folder / "metrics/prepare.json", {"images_per_class": sizes})
    write_json(folder / "metrics/evaluate.json", {"mask": {"AP50_per_class": rates}})
    return HERE.below(folder)


def test_classes_of_a_run_stand_in_the_order_of_their_images(tmp_path: Path) -> None:
    sizes = {"rare": 1, "often": 30, "b": 7, "a": 7, "never": 0}
    bars = bars_of_run(write_metrics(tmp_path, sizes, {"rare": 12.5, "often": 80.0, "a": None}))
    assert (bars.names, bars.sizes) == (["often", "a", "b", "rare"], [30, 7, 7, 1])
    assert bars.series == {"": [Bar(80.0), Bar(None), Bar(None), Bar(12.5)]}


def test_a_run_without_a_labelled_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"prepare\.json counts no image of any class; give prepare labelled images"):
        bars_of_run(write_metrics(tmp_path, {"never": 0}, {}))


def test_a_study_has_a_series_per_row_with_intervals(tmp_path: Path) -> None:
    path = write_result(result(columns=[class_column("evaluate.mask.AP50_per_class", "cat", 3)]), tmp_path)
    bars = bars_of_study(path)
    assert (bars.names, bars.sizes, bars.unit) == (["cat"], [3], "mask AP50")
    assert list(bars.series) == ["One", "Six | more", "Odd"]  # Absent was not run
    (one,), (odd,) = bars.series["One"], bars.series["Odd"]
    assert one.value == 2.0
    assert (one.low, one.high) == pytest.approx((2 - 2.484, 2 + 2.484), abs=0.001)
    assert odd == Bar(3.0)
    drawing = draw_long_tail(HERE, Wish(study=path))
    assert drawing.caption == f"images and mask AP50 of 1 classes, of {path}"
    assert [text.get_text() for text in drawing.figure.legends[0].get_texts()] == list(bars.series)


def test_a_study_without_classes_is_refused(tmp_path: Path) -> None:
    path = write_result(result(columns=[result().columns[0]]), tmp_path)
    with pytest.raises(InputError, match=r"has no figures per class, .* give the result of: empaste study long_tail"):
        bars_of_study(path)


def test_bars_are_as_high_as_their_values_and_what_is_not_defined_has_none() -> None:
    series = {"x": [Bar(40.0, 30.0, 110.0), Bar(None)], "y": [Bar(50.0), Bar(60.0)]}
    upper, lower = draw_bars(Bars(["a", "b"], [9, 4], series)).axes
    assert [(round(bar.get_x(), 1), bar.get_height()) for bar in upper.patches] == [(-0.4, 9), (0.6, 4)]  # type: ignore[attr-defined]
    drawn = [(round(bar.get_x(), 1), bar.get_height()) for bar in lower.patches]  # type: ignore[attr-defined]
    assert drawn == [(-0.4, 40), (0.0, 50), (1.0, 60)]
    (interval,) = lower.lines
    assert list(interval.get_ydata()) == [30, 100]  # type: ignore[arg-type]
    assert [label.get_text() for label in lower.get_xticklabels()] == ["a", "b"]
    assert [text.get_text() for text in upper.texts] == ["9", "4"]


@pytest.mark.parametrize("num", [1, 20, 80, 400])
def test_names_stay_on_the_page_and_are_left_out_where_nobody_could_read_them(num: int) -> None:
    names = [f"a class of number {number}" for number in range(num)]
    with style():
        figure = draw_bars(Bars(names, [1] * num, {"": [Bar(50.0)] * num}))
        figure.draw_without_rendering()
    lower = figure.axes[1]
    labels = [label for label in [*lower.get_xticklabels(), lower.xaxis.label] if label.get_text()]
    assert len(labels) == (num if num < 400 else 1)
    boxes = [label.get_window_extent() for label in labels]
    assert all(box.y0 >= 0 and box.x1 <= figure.dpi * WIDTH + 1 for box in boxes)
