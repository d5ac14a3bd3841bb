"""Pieces of salience maps, and what windows add to them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from empaste.artifacts.work import named_files, stage_key
from empaste.errors import InputError
from empaste.proposals import cutout
from empaste.proposals.cutout import Window, grid_windows, pieces_of
from empaste.proposals.settings import ProposalsSettings
from empaste.settings import load_settings
from tests.proposals import sources
from tests.proposals.sources import section_of
from tests.proposals.tiny_salience import RAW, save_redness

SIZE_HW = (60, 90)


def scene(*discs: tuple[int, int, int], radius: int = 10) -> tuple[np.ndarray, list[np.ndarray]]:
    """A black image with a disc at (x, y) for each (x, y, red), and the discs' masks."""
    image, masks = np.zeros((*SIZE_HW, 3), np.uint8), []
    for x, y, red in discs:
        mask = np.asarray(cv2.circle(np.zeros(SIZE_HW, np.uint8), (x, y), radius, 1, -1)) > 0
        image[mask] = (red, 0, 0)
        masks.append(mask)
    return image, masks


def propose(image: np.ndarray, model: Path, **changes: Any) -> tuple[np.ndarray, np.ndarray]:
    options: dict[str, Any] = {"windows": [], "levels": [0.5], "num_threads": 1, "input_size": 90, "min_piece": 0.005}
    section = section_of(cutout.METHOD, model=str(model), **RAW | options | changes)
    return sources.propose(cutout.METHOD, image, section)


def ious(masks: np.ndarray, target: np.ndarray) -> list[float]:
    return [float(np.sum(mask & target) / np.sum(mask | target)) for mask in masks]


@pytest.fixture
def redness(tmp_path: Path) -> Path:
    return save_redness(tmp_path / "red.onnx", SIZE_HW)


def test_what_lies_apart_is_a_segment_each_and_both_are_one(redness: Path) -> None:
    image, (left, right) = scene((25, 30, 255), (65, 30, 255))
    masks, scores = propose(image, redness)
    assert {mask.tobytes() for mask in masks} == {mask.tobytes() for mask in (left, right, left | right)}
    assert scores.tolist() == [1, 1, 1]


def test_levels_part_what_hangs_together(redness: Path) -> None:
    """Two discs that a fainter bridge connects are one piece over the low level and two over the high one."""
    image, (left, right) = scene((25, 30, 255), (65, 30, 255))
    image[28:33, 30:60, 0] = np.maximum(image[28:33, 30:60, 0], 120)
    masks, scores = propose(image, redness, levels=[0.3, 0.7], max_iou=1.0)
    whole = image[..., 0] > 0
    assert {mask.tobytes() for mask in masks} == {m.tobytes() for m in (left, right, left | right, whole)}
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize(("min_piece", "num"), [(0.05, 1), (0.1, 0)])
def test_small_pieces_are_left_out(redness: Path, min_piece: float, num: int) -> None:
    image, (disc,) = scene((25, 30, 255))
    image[2:4, 80:84, 0] = 255
    masks, _ = propose(image, redness, min_piece=min_piece)
    assert [mask.tobytes() for mask in masks] == [disc.tobytes()] * num


def test_near_duplicates_of_other_levels_are_left_out(redness: Path) -> None:
    image, _ = scene((25, 30, 255))
    image = cv2.GaussianBlur(image, (0, 0), 1)
    assert len(propose(image, redness, levels=[0.4, 0.5, 0.6], max_iou=1.0)[0]) == 3
    assert len(propose(image, redness, levels=[0.4, 0.5, 0.6], max_iou=0.7)[0]) == 1


def test_an_empty_map_gives_no_segment(redness: Path) -> None:
    masks, scores = propose(scene()[0], redness, windows=[2, 3])
    assert masks.shape == (0, *SIZE_HW)
    assert scores.shape == (0,)


def test_windows_find_what_another_thing_outshines(tmp_path: Path) -> None:
    """Under min_max the faint disc is far under the level beside the strong one, and alone it is the strongest."""
    model = save_redness(tmp_path / "red.onnx")
    image, (strong, faint) = scene((20, 15, 255), (70, 45, 60), radius=8)
    without, _ = propose(image, model, activation="min_max")
    assert ious(without, strong) == [1.0]
    masks, _ = propose(image, model, activation="min_max", windows=[2], input_size=60)
    assert max(ious(masks, strong)) > 0.9
    assert max(ious(masks, faint)) > 0.9


def test_what_a_window_cuts_off_is_left_out(redness: Path) -> None:
    """A bar through the middle is cut by all windows; a disc at the image's edge is cut by none of its own."""
    image, _ = scene()
    image[25:35, 15:75, 0] = 255
    masks, _ = propose(image, redness, windows=[2, 3], max_iou=1.0)
    assert [mask.tobytes() for mask in masks] == [(image[..., 0] > 0).tobytes()]
    image, (disc,) = scene((0, 0, 255))
    masks, _ = propose(image, redness, windows=[2], max_iou=0.6)
    assert min(ious(masks, disc)) > 0.7


def test_windows_overlap_by_half_and_fill_the_image() -> None:
    assert list(grid_windows(60, 90, [2])) == [
        Window(0, 40, 0, 60),
        Window(0, 40, 30, 90),
        Window(20, 60, 0, 60),
        Window(20, 60, 30, 90),
    ]
    assert len(list(grid_windows(60, 90, [2, 3]))) == 13


@hypothesis_settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.lists(st.integers(2, 8), min_size=1, max_size=2))
def test_windows_of_any_image_fill_it(height: int, width: int, per_side: list[int]) -> None:
    covered = np.zeros((height, width), bool)
    for window in grid_windows(height, width, per_side):
        assert 0 <= window.top <= window.bottom <= height
        assert 0 <= window.left <= window.right <= width
        covered[window.top : window.bottom, window.left : window.right] = True
    assert covered.all()


def test_the_score_is_how_well_mask_and_map_agree() -> None:
    salience = np.zeros((4, 6), np.float32)
    salience[1:3, 1:3] = 0.8
    ((mask, score),) = pieces_of(salience, [0.5], 1)
    assert mask.sum() == 4
    assert score == pytest.approx(0.8)
    salience[0, 0] = salience[1, 3] = 0.4
    salience[1, 4] = 0.6
    (_, first), (_, second), (both, third) = pieces_of(salience, [0.5], 1)
    assert [first, second] == pytest.approx([0.8, 0.6])
    assert both.sum() == 5
    assert third == pytest.approx((4 * 0.8 + 0.6) / (5 + 0.4))


@hypothesis_settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9]), min_size=1, max_size=3))
def test_pieces_of_any_map_are_pieces_over_a_level(seed: int, levels: list[float]) -> None:
    salience = np.random.default_rng(seed).random((9, 11), np.float32)
    for mask, score in pieces_of(salience, levels, 2):
        assert mask.sum() >= 2
        assert 0 <= score <= 1
        assert salience[mask].min() > min(levels)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"levels": []}, "proposals.cutout.levels is []"),
        ({"levels": [1.0]}, "proposals.cutout.levels.0 is 1.0"),
        ({"windows": [1]}, "proposals.cutout.windows.0 is 1"),
        ({"windows": [9]}, "proposals.cutout.windows.0 is 9"),
        ({"mean": [0.5]}, "proposals.cutout.mean is [0.5]"),
        ({"std": [1.0, 1.0, 0.0]}, "proposals.cutout.std.2 is 0.0"),
        ({"activation": "softmax"}, "proposals.cutout.activation is 'softmax'; choose from 'none', 'sigmoid'"),
    ],
)
def test_other_settings_are_refused(params_file: Path, changed: dict[str, Any], said: str) -> None:
    content = yaml.safe_load(params_file.read_text())
    content["proposals"]["cutout"].update(changed)
    params_file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as raised:
        load_settings(params_file, "proposals", ProposalsSettings)
    assert said in str(raised.value)


@pytest.mark.parametrize("method", ["cutout", "joined"])
def test_work_begun_with_another_model_is_not_continued(tmp_path: Path, params_file: Path, method: str) -> None:
    """The key of unfinished work follows the content of the file, also where another method lists this one."""
    model = save_redness(tmp_path / "red.onnx")
    section = yaml.safe_load(params_file.read_text())["proposals"]
    section = json.loads(json.dumps(section | {"method": method}))
    section["cutout"]["model"] = str(model)
    settings = ProposalsSettings.model_validate(section)

    def key() -> str:
        return stage_key(["proposals"], {"proposals": section}, named_files(settings))

    first = key()
    assert key() == first
    save_redness(model, scale=2.0)
    assert key() != first
