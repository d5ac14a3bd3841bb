"""Image, proposals, activation map and choice, of a run that is known by heart."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures.choice import draw_choice
from empaste.paper_figures.figure import Wish
from tests.paper_figures.conftest import pictures, point, texts


def outlined(axes: Axes) -> list[float]:
    """The box of the outline on a panel: left, top, right, bottom."""
    box = axes.patches[-1].get_path().get_extents()
    return [float(side) for side in (box.x0, box.y0, box.x1, box.y1)]


def test_a_row_shows_what_the_stages_found(files: Layout) -> None:
    drawing = draw_choice(files, Wish(image_ids=(1,)))
    image, proposals, activation, first, last = pictures(drawing.figure)
    assert not image.patches
    assert len(proposals.patches) == 6  # a tint and a line for each of three segments
    assert point(activation.lines[0]) == (12, 20)
    assert outlined(first) == pytest.approx([-0.5, -0.5, 11.5, 9.5], abs=0.2)  # the corner, which is wrong
    assert outlined(last) == pytest.approx([4.5, 12.5, 23.5, 31.5], abs=0.7)  # the disc
    assert {"image 1", "3 segments", "p 0.75", "p 0.80", "ball", "Step 1", "F-EM"} <= set(texts(drawing.figure))
    assert drawing.caption == "proposals, activation map and choices: ball in image 1"


def test_rows_alternate_between_changed_and_kept_choices(files: Layout) -> None:
    caption = draw_choice(files, Wish(num=2)).caption
    assert caption.endswith("ball in image 1, tv & <monitor> in image 3")


def test_an_empty_map_and_a_choice_left_out_are_said(files: Layout) -> None:
    found = texts(draw_choice(files, Wish(image_ids=(2,))).figure)
    assert "empty, p 0.75" in found
    assert "p 0.05, not in the pool" in found


def test_an_image_without_a_segment_has_no_choice(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    for path in (folder / "data/foregrounds").glob("*.parquet"):
        table = read_table(path, Foregrounds)
        write_table(table[table["image_id"] != 3], path, Foregrounds)
    figure = draw_choice(HERE.below(folder), Wish(image_ids=(3,))).figure
    assert texts(figure).count("no segment to choose") == 4
    assert len(pictures(figure)) == 6


def test_further_instances_of_the_pool_are_outlined_too(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    path = folder / "data/foregrounds/pool.parquet"
    pool = read_table(path, Foregrounds)
    further = pool[pool["image_id"] == 1].assign(segment_id=1, instance=1)
    write_table(pd.concat([pool, further]), path, Foregrounds)
    *_, first, last = pictures(draw_choice(HERE.below(folder), Wish(image_ids=(1,))).figure)
    assert (len(first.patches), len(last.patches)) == (1, 2)


def test_foregrounds_without_step_1_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    (folder / "data/foregrounds/iter_0.parquet").unlink()
    with pytest.raises(InputError, match=r"foregrounds holds no iter_0\.parquet; run: dvc repro foregrounds"):
        draw_choice(HERE.below(folder), Wish())


def test_heat_maps_of_another_run_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    np.save(folder / "data/cams/heatmaps.npy", np.zeros((1, 6, 6), np.float16))
    with pytest.raises(InputError, match=r"holds 1 rows, .* 4; run: dvc repro cams"):
        draw_choice(HERE.below(folder), Wish())
