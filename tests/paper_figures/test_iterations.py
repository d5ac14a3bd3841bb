"""A class from iteration to iteration: which segments, which of them are kept, and which are right."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from empaste.artifacts.outputs import write_json
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.iterations import SIDE, crop, draw_iterations
from empaste.paper_figures.panels import BLUE, ORANGE, SOFT
from tests.paper_figures.conftest import pictures, texts
from tests.report.conftest import make_run


def frame(axes: Axes) -> tuple[str, bool]:
    """The colour of a panel's frame, and whether it is dashed."""
    spine = axes.spines["left"]
    return to_hex(spine.get_edgecolor()), spine.get_linestyle() != "-"


def test_the_choice_of_step_1_is_wrong_and_gets_right(files: Layout) -> None:
    drawing = draw_iterations(files, Wish(class_names=("ball",)))
    frames = [frame(axes) for axes in pictures(drawing.figure)]
    assert frames == [
        (ORANGE, False), (BLUE, False),  # Step 1 in images 1 and 3
        (BLUE, False), (BLUE, False),
        (BLUE, False), (BLUE, False),
        (BLUE, False),  # the round of the refinement drew image 1 alone
    ]  # fmt: skip
    found = texts(drawing.figure)
    assert [text for text in found if text.startswith("image")] == ["image 1", "image 3"]
    assert {"ball", "Step 1\n2 of 2 kept", "EM 2 (pool)\n2 of 2 kept", "round 1", "wrong"} <= set(found)
    assert drawing.caption == "Step 1 and 2 iterations: ball"


def test_what_is_left_out_is_dashed_and_how_much_is_right_is_said(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    path = folder / "data/foregrounds/iter_1.parquet"
    table = read_table(path, Foregrounds)
    write_table(table.assign(inlier=table["image_id"] != 3), path, Foregrounds)
    rates = {"tv & <monitor>": {"precision50": {"iter_0": 100.0, "iter_1": 50.4}}}
    write_json(folder / "metrics/foregrounds.json", {"per_class": rates})
    drawing = draw_iterations(HERE.below(folder), Wish(class_names=("tv & <monitor>",)))
    frames = [frame(axes) for axes in pictures(drawing.figure)]
    assert [dashed for _, dashed in frames] == [False, False, False, True, True, False]  # image 2 is not in the pool
    labels = {text for text in texts(drawing.figure) if "kept" in text and "\n" in text}
    assert labels == {
        "Step 1\n2 of 2 kept\n100 % right", "EM 1\n1 of 2 kept\n50 % right", "EM 2 (pool)\n1 of 2 kept"
    }  # fmt: skip


def test_without_masks_frames_say_what_is_kept_alone(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", masks=False)
    drawing = draw_iterations(HERE.below(folder), Wish())
    assert {frame(axes) for axes in pictures(drawing.figure)} == {(SOFT, False), (SOFT, True)}
    assert "wrong" not in texts(drawing.figure)
    assert drawing.caption == "Step 1 and 2 iterations: ball, tv & <monitor>"


def test_classes_and_images_are_those_that_were_asked_for(files: Layout) -> None:
    assert draw_iterations(files, Wish(num=1)).caption.endswith("iterations: ball")
    found = texts(draw_iterations(files, Wish(image_ids=(3,))).figure)
    assert [text for text in found if text.startswith("image")] == ["image 3", "image 3"]


def test_images_without_a_choice_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    for path in (folder / "data/foregrounds").glob("iter_*.parquet"):
        write_table(read_table(path, Foregrounds).iloc[:0], path, Foregrounds)
    with pytest.raises(InputError, match="holds no choice in these images; run: dvc repro foregrounds"):
        draw_iterations(HERE.below(folder), Wish())


def test_a_crop_shows_its_foreground_and_fades_the_rest() -> None:
    pixels = np.full((40, 60, 3), (100, 0, 0), np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[30:40, 0:20] = True  # at the corner, so that the crop reaches beyond the image
    kept, left_out = crop(pixels, mask, True), crop(pixels, mask, False)
    assert kept.shape == (SIDE, SIDE, 3)
    assert kept[SIDE // 2, SIDE // 2].tolist() == [100, 0, 0]
    assert left_out[SIDE // 2, SIDE // 2].tolist() == [178, 128, 128]
    assert kept[SIDE // 4, SIDE // 2].tolist() == [224, 204, 204]
    assert kept[SIDE - 2, SIDE // 2].tolist() == [255, 255, 255]
