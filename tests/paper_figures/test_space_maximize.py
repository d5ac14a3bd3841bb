"""The circles of space-maximize paste are those in which paste put its objects."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Circle as Patch

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.masks import decode_mask
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.space_maximize import draw_space_maximize, watch_paste
from empaste.paste.compose import compose
from tests.paper_figures.conftest import pictures, texts
from tests.paste.scenes import changed, paint, pool_of


def test_watching_changes_nothing_and_sees_every_circle(tmp_path: Path) -> None:
    mask = np.zeros((60, 90), bool)
    mask[20:40, 0:30] = True
    background = paint(tmp_path / "1.png", 1, [mask])
    cutouts, settings = pool_of(tmp_path / "pool", [background]), changed(placement="space_maximize", rotation=0.0)
    composite, steps = watch_paste(background, cutouts, settings)
    real = compose(background, cutouts, settings)
    assert (composite.image == real.image).all()
    assert composite.annotations == real.annotations
    assert [int(step.ids.max()) for step in steps] == [1, 2, 3]
    assert (steps[0].circle.x, steps[0].circle.y, steps[0].circle.radius) == pytest.approx((59.5, 29.5, 29.5), abs=0.6)
    pasted = [one for one in composite.annotations if one["source"] == "pasted"]
    for step, one in zip(steps, pasted, strict=True):
        rows, columns = np.nonzero(decode_mask(one["segmentation"]))
        reach = np.hypot(columns - step.circle.x, rows - step.circle.y).max()
        assert reach == pytest.approx(step.circle.radius, abs=1.5)
        rows, columns = np.nonzero(step.ids)
        assert np.hypot(columns - step.circle.x, rows - step.circle.y).min() >= step.circle.radius


def rings(axes: Axes) -> list[Patch]:
    return [patch for patch in axes.patches if isinstance(patch, Patch)]


def test_rows_are_originals_and_a_synthesised_background(files: Layout) -> None:
    drawing = draw_space_maximize(files, Wish(num=2))
    found = texts(drawing.figure)
    assert {"background", "free space 1", "free space 3", "composite", "background 0"} <= set(found)
    assert drawing.caption == "up to 3 foregrounds pasted on image 1, background 0"
    panels = pictures(drawing.figure)
    circles = [ring for axes in panels for ring in rings(axes)]
    assert len(circles) == len([text for text in found if text.startswith("r = ")])
    assert not rings(panels[0])
    assert rings(panels[1])


def test_an_image_is_the_one_that_was_asked_for(files: Layout) -> None:
    assert draw_space_maximize(files, Wish(image_ids=(3,))).caption.endswith("on image 3")
    with pytest.raises(InputError, match=r"--image is 2, but the pool of paste has no foreground in it.*from 1, 3"):
        draw_space_maximize(files, Wish(image_ids=(2,)))


def test_a_class_without_a_foreground_is_refused(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(run_folder, tmp_path / "run")
    path = folder / "data/foregrounds/pool.parquet"
    pool = read_table(path, Foregrounds)
    write_table(pool[pool["class_id"] == 1], path, Foregrounds)
    with pytest.raises(InputError, match="the pool of paste has no foreground of tv & <monitor>; choose another class"):
        draw_space_maximize(HERE.below(folder), Wish(class_names=("tv & <monitor>",)))
