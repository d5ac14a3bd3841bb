import itertools
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, read_table, write_table
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.layout import HERE
from empaste.report import drawing
from empaste.report.inputs import Run, evenly_spaced
from empaste.report.sheets import BUILDERS, build_sheets
from empaste.report.sheets.foregrounds import foreground_sheet
from empaste.report.sheets.panels import Sheet, contact_sheet, file_name, fitting


@pytest.fixture(scope="module")
def sheets(run_folder: Path) -> dict[str, Sheet]:
    return {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(run_folder), 3))}


def captions(sheet: Sheet) -> list[list[str]]:
    return [[panel.caption for panel in group.panels] for group in sheet.groups]


def test_there_is_one_sheet_per_stage_each_with_a_guide(sheets: dict[str, Sheet]) -> None:
    assert list(sheets) == ["images", "proposals", "foregrounds", "backgrounds", "composites", "detections", "mistakes"]
    assert len(sheets) == len(BUILDERS) == len({file_name(sheet) for sheet in sheets.values()})
    assert all(len(sheet.guide) > 80 and not sheet.missing for sheet in sheets.values())


def test_the_same_labelled_images_are_on_every_sheet(sheets: dict[str, Sheet]) -> None:
    assert captions(sheets["images"]) == [["1 · ball", "2 · tv & <monitor>", "3 · ball, tv & <monitor>"]]
    assert captions(sheets["proposals"]) == [["1 · 3 segments", "2 · 3 segments", "3 · 3 segments"]]
    assert [group.heading for group in sheets["backgrounds"].groups] == ["1", "2", "3"]
    assert {group.heading.split()[0] for group in sheets["foregrounds"].groups} == {"1", "2", "3"}


def test_foregrounds_are_judged_per_iteration(sheets: dict[str, Sheet]) -> None:
    first, second, *_ = sheets["foregrounds"].groups
    assert [panel.tone for panel in first.panels] == ["", "bad", "good", "good", "good"]
    assert [panel.caption for panel in first.panels][1:3] == [
        "Step 1 · p 0.80 · IoU 0.00 ✗",
        "EM 1 · p 0.80 · IoU 1.00 ✓",
    ]
    assert first.lines == ()
    assert second.lines[0].startswith("not in the pool")
    assert second.panels[0].caption == "CAM is empty · p 0.75"


def test_a_mask_by_hand_stands_beside_the_iterations(run_folder: Path, tmp_path: Path) -> None:
    files = HERE.below(shutil.copytree(run_folder, tmp_path / "run"))
    pool = read_table(files.foregrounds / "pool.parquet", Foregrounds)
    drawn = read_from(files.segments, Segments).query(f"segment_id == {pool['segment_id'].iloc[0]}")
    write_table(drawn.assign(segment_id=99), files.foregrounds / BY_HAND, Segments)
    pool.loc[0, "segment_id"] = 99
    write_table(pool, files.foregrounds / "pool.parquet", Foregrounds)
    first, *others = captions(foreground_sheet(Run(files, 3)))
    assert first[-2] == "by hand · IoU 1.00 ✓"
    assert not any("by hand" in caption for captions_ in others for caption in captions_)


def test_what_the_rounds_of_the_refinement_drew_comes_last(sheets: dict[str, Sheet]) -> None:
    first, second, *_ = sheets["foregrounds"].groups
    assert first.panels[-1].caption == "round 1 · sure 0.88 · IoU 1.00 ✓"
    assert (second.panels[-1].caption, second.panels[-1].tone) == ("round 1 · nothing", "bad")
    assert "segmentation network" in sheets["foregrounds"].guide


def test_without_masks_nothing_is_judged(bare_folder: Path) -> None:
    sheet = {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(bare_folder), 3))}["foregrounds"]
    assert [panel.tone for panel in sheet.groups[0].panels] == ["", "", "", ""]
    assert "left to your eyes" in sheet.guide
    assert "IoU" not in sheet.groups[0].panels[1].caption


def test_the_centre_is_marked_where_the_table_says(sheets: dict[str, Sheet]) -> None:
    """The cross of image 1 stands at (12, 20) of 48 pixels."""
    image = sheets["foregrounds"].groups[0].panels[0].image
    scale = drawing.PANEL_SIDE / 48
    assert (image[round(20 * scale), round(12 * scale)] > 240).all()


def test_a_foreground_is_left_bright_and_the_rest_gray(sheets: dict[str, Sheet]) -> None:
    image = sheets["foregrounds"].groups[0].panels[2].image
    inside, outside = image[132, 84].astype(int), image[250, 250].astype(int)
    assert np.ptp(inside) > 100
    assert np.ptp(outside) <= 2


def test_captions_stand_beside_the_backgrounds_made_of_them(sheets: dict[str, Sheet]) -> None:
    first = sheets["backgrounds"].groups[0]
    assert first.lines == ["“a ball <on> grass” → “a lion <on> grass”"]
    assert captions(sheets["backgrounds"])[0] == [
        "1 · original",
        "background 0 · shows tv & <monitor> 0.12 · CLIP 0.31",
    ]


def test_what_became_of_the_candidates_and_what_the_pool_is_made_of(
    sheets: dict[str, Sheet], bare_folder: Path
) -> None:
    guide = sheets["backgrounds"].guide
    assert "Of 2 candidates 1 were selected; 1 were dropped because a class shows in them (most of all" in guide
    assert "The 3 composites: 33 % originals pasted on, 33 % backgrounds, 33 % originals as they are." in guide
    bare = {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(bare_folder), 3))}["backgrounds"]
    assert "Of 0" not in bare.guide
    assert "No background was made" in bare.missing


def test_composites_show_the_images_of_the_other_sheets_and_a_background(sheets: dict[str, Sheet]) -> None:
    shown = captions(sheets["composites"])
    assert [pair[0] for pair in shown] == ["on image 1", "on background 0", "on image 3"]
    assert {pair[1] for pair in shown} == {"1 pasted, 1 its own"}


def test_masks_are_drawn_on_a_copy(sheets: dict[str, Sheet]) -> None:
    plain, marked = (panel.image for panel in sheets["composites"].groups[0].panels)
    assert (plain[132, 84] != marked[132, 84]).any()
    assert (plain[280, 280] == marked[280, 280]).all()


def test_detections_under_half_are_counted_not_drawn(sheets: dict[str, Sheet]) -> None:
    assert captions(sheets["detections"]) == [
        ["5 · ground truth, 1 object", "5 · 1 detection, best 0.90"],
        ["6 · ground truth, 1 object", "6 · no detection, best only 0.30"],
    ]


def test_the_worst_images_come_before_the_best(sheets: dict[str, Sheet], bare_folder: Path) -> None:
    assert [group.heading for group in sheets["mistakes"].groups] == ["worst: 0% right", "best: 100% right"]
    assert captions(sheets["mistakes"])[0] == ["6 · ground truth, 1 object", "6 · no detection, best only 0.30"]
    bare = {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(bare_folder), 3))}["mistakes"]
    assert bare.groups == ()
    assert "no masks" in bare.missing


def test_an_object_without_a_mask_is_counted_neither_drawn_nor_missed(run_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run_folder, tmp_path / "run")
    path = folder / "data" / "ground_truth" / "val.json"
    truth = json.loads(path.read_text())
    (square,) = (row for row in truth["annotations"] if row["image_id"] == 6)
    square["box_only"] = 1
    path.write_text(json.dumps(truth))
    found = {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(folder), 3))}
    panel = found["detections"].groups[1].panels[0]
    assert panel.caption == "6 · ground truth, 0 objects, 1 without a mask"
    assert (panel.image == drawing.enlarge(read_rgb(folder / "data/images/val/000006.png"))).all()
    assert [group.heading for group in found["mistakes"].groups] == ["worst: 100% right", "best: 100% right"]
    for row in truth["annotations"]:
        row["box_only"] = 1
    path.write_text(json.dumps(truth))
    assert "no masks to compare" in build_sheets(Run(HERE.below(folder), 3))[-1].missing


def test_a_contact_sheet_holds_every_panel(sheets: dict[str, Sheet]) -> None:
    coded = contact_sheet(sheets["composites"])
    assert coded is not None
    image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[:2] == (3 * (drawing.PANEL_SIDE + 28) + 8, 2 * (drawing.PANEL_SIDE + 8) + 8)
    assert contact_sheet(Sheet("empty", "Empty", "")) is None


def test_a_missing_or_broken_artifact_is_named_with_the_next_step(run_folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(run_folder, tmp_path / "run")
    (broken / "data" / "detections" / "val.json").write_text("[")
    with pytest.raises(InputError, match=r"val\.json is not valid JSON.*run: dvc repro evaluate"):
        build_sheets(Run(HERE.below(broken), 3))
    (broken / "data" / "segments" / "segments.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"segments\.parquet is not a readable Parquet table"):
        build_sheets(Run(HERE.below(broken), 3))
    (broken / "data" / "segments" / "segments.parquet").unlink()
    with pytest.raises(InputError, match=r"segments\.parquet does not exist"):
        build_sheets(Run(HERE.below(broken), 3))


def test_detections_of_another_data_set_do_not_end_the_page(run_folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run_folder, tmp_path / "run")
    (other / "data" / "detections" / "val.json").write_text(json.dumps([]))
    sheet = {sheet.name: sheet for sheet in build_sheets(Run(HERE.below(other), 1))}["detections"]
    assert captions(sheet)[0][1] == "5 · no detection"


@pytest.mark.parametrize(
    ("num", "expected"), [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10))), (99, list(range(10)))]
)
def test_evenly_spaced(num: int, expected: list[int]) -> None:
    assert evenly_spaced(range(10), num) == expected
    assert evenly_spaced([], num) == []


@pytest.mark.parametrize(("size_hw", "side"), [((1, 1), 288), ((1, 400), 400), ((10, 3000), 576), ((500, 333), 500)])
def test_any_image_fits_a_panel_with_its_mask(size_hw: tuple[int, int], side: int) -> None:
    image, mask = np.zeros((*size_hw, 3), np.uint8), np.ones(size_hw, bool)
    panel = drawing.enlarge(image)
    assert max(panel.shape) == side
    assert drawing.enlarge_mask(mask).shape == panel.shape[:2]
    drawing.draw_mask(panel, drawing.enlarge_mask(mask), drawing.GOOD)
    drawing.draw_label(panel, "näme", 0, 0, drawing.GOOD)
    drawing.draw_cross(panel, 0, 0)


def test_neighbouring_classes_differ_in_colour() -> None:
    colours = [np.array(drawing.colour_of(number)) for number in range(20)]
    assert min(abs(one - two).max() for one, two in itertools.pairwise(colours)) > 60
    assert len({tuple(colour) for colour in colours}) == 20


def test_a_label_is_a_chip_of_its_colour_with_letters_on_it_inside_the_image() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    drawing.draw_label(image, "dog 0.93", 190, 95, drawing.GOOD)
    rows, columns = np.nonzero((image == drawing.GOOD).all(axis=2))
    assert (rows.max(), columns.max()) == (99, 199)
    assert 18 <= np.ptp(rows) <= 24
    assert 60 <= np.ptp(columns) <= 80
    assert (image == 255).all(axis=2).any()
    drawing.draw_label(image, "z" * 60 + " 0.93", 10, 10, drawing.BAD)
    rows, columns = np.nonzero((image == drawing.BAD).all(axis=2))
    assert rows.min() == 10
    assert columns.max() <= 199
    assert np.ptp(rows) > 40


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (300, 1), (20, 20), (5, 288)])
def test_a_label_on_an_image_smaller_than_itself_stays_inside(size_hw: tuple[int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    drawing.draw_label(image, "traffic light 🍎 中文 0.93", 0, 0, drawing.GOOD)
    assert image.any()


def test_captions_of_any_script_and_length_stay_in_their_cell() -> None:
    panel = np.zeros((drawing.PANEL_SIDE, drawing.PANEL_SIDE, 3), np.uint8)
    sheets = [
        drawing.tile([[(panel, caption), (panel, "")]]) for caption in ("12 · fish ✓ 鱼", "12 · fish ✗ 鱼", "z" * 500)
    ]
    assert len({sheet.tobytes() for sheet in sheets}) == 3
    for sheet in sheets:
        assert (sheet[8:28, 8 : 8 + drawing.PANEL_SIDE] < 128).any()
        assert (sheet[8:28, 8 + drawing.PANEL_SIDE :] == 255).all()


def test_a_page_has_room_for_so_many_bytes_and_says_what_it_leaves_out(sheets: dict[str, Sheet]) -> None:
    chosen = [sheets["images"], sheets["foregrounds"]]
    total = sum(sheet.num_bytes for sheet in chosen)
    assert fitting(chosen, total) == chosen
    images, foregrounds = fitting(chosen, total // 2)
    assert images.num_bytes + foregrounds.num_bytes <= total // 2
    assert [panel.caption for panel in images.groups[0].panels] == ["1 · ball"]
    assert images.guide.endswith("The page has room for 1 of 3.")
    assert [group.heading for group in foregrounds.groups] == [
        group.heading for group in sheets["foregrounds"].groups[: len(foregrounds.groups)]
    ]
    assert foregrounds.guide.endswith(f"The page has room for {len(foregrounds.groups)} of 4.")
