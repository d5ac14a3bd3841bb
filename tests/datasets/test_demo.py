"""The demo data set: the same bytes for the same seed, and what it promises about labels, masks and places."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from empaste.datasets import demo
from empaste.datasets.demo import NAMES, draw_empty_scene, draw_scene, load_demo, open_demo
from empaste.datasets.demo_clutter import CLUTTER
from empaste.datasets.demo_objects import CLASSES
from empaste.datasets.demo_scenes import HOMES, NATURAL_CLUTTER, SCENES
from empaste.datasets.demo_shapes import blank_patch
from empaste.images import decode_rgb
from tests.datasets.layouts import settings_of

NUMBER = 40


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, list[int], np.ndarray]]:
    return [draw_scene(0, image_id, 96) for image_id in range(1, NUMBER + 1)]


def test_ids_and_splits() -> None:
    data = open_demo(settings_of(None, num_train=3, num_val=2))
    assert [(e.image_id, e.split, e.file_name) for e in data.examples] == [
        (1, "train", "train/000001.jpg"),
        (2, "train", "train/000002.jpg"),
        (3, "train", "train/000003.jpg"),
        (4, "val", "val/000004.jpg"),
        (5, "val", "val/000005.jpg"),
    ]
    assert [(one.class_id, one.name) for one in data.classes] == list(enumerate(NAMES, 1))


def test_an_image_hangs_on_seed_and_id_alone() -> None:
    first, again = draw_scene(3, 5, 64), draw_scene(3, 5, 64)
    assert (first[0] == again[0]).all()
    assert (first[2] == again[2]).all()
    assert first[1] == again[1]
    for other in (draw_scene(4, 5, 64), draw_scene(3, 6, 64)):
        assert (first[0] != other[0]).any()


def test_masks_are_disjoint_visible_parts(scenes: list[tuple[np.ndarray, list[int], np.ndarray]]) -> None:
    for image, class_ids, masks in scenes:
        assert image.shape == (96, 96, 3)
        assert image.dtype == np.uint8
        assert masks.shape == (len(class_ids), 96, 96)
        assert 1 <= len(class_ids) <= 3
        assert set(class_ids) <= set(range(1, 7))
        assert masks.sum(axis=0).max() == 1
        assert masks.sum(axis=(1, 2)).min() >= 16


def test_what_the_set_promises(scenes: list[tuple[np.ndarray, list[int], np.ndarray]]) -> None:
    numbers = [len(class_ids) for _, class_ids, _ in scenes]
    assert set(numbers) == {1, 2, 3}
    assert {class_id for _, class_ids, _ in scenes for class_id in class_ids} == set(range(1, 7))
    assert any(len(set(class_ids)) > 1 for _, class_ids, _ in scenes)
    truncated = [masks[:, [0, -1]].any() or masks[:, :, [0, -1]].any() for _, _, masks in scenes]
    assert 0.05 < np.mean(truncated) < 0.7
    assert np.mean([image.std() for image, _, _ in scenes]) > 25


def test_places_go_with_classes() -> None:
    assert set(HOMES) == set(CLASSES)
    assert set(NATURAL_CLUTTER) == set(SCENES)
    assert {scene for homes in HOMES.values() for scene in homes} <= set(SCENES)
    assert {name for names in NATURAL_CLUTTER.values() for name in names} == set(CLUTTER)


@pytest.mark.parametrize("name", [*CLASSES, *CLUTTER])
def test_every_thing_fits_its_patch_and_varies(name: str) -> None:
    draw = CLASSES[name][1] if name in CLASSES else CLUTTER[name]
    drawn = []
    for seed in range(4):
        patch = blank_patch(40.0)
        draw(patch, np.random.default_rng(seed))
        covered = patch.mask > 0
        assert not covered[[0, -1]].any()
        assert not covered[:, [0, -1]].any()
        assert 0.05 < covered.mean() < 0.6
        assert set(np.unique(patch.mask)) == {0, 255}
        assert not patch.rgb[~covered].any()
        drawn.append(patch.rgb)
    assert all((first != second).any() for first, second in pairwise(drawn))


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("side", [64, 201])
def test_every_scene_fills_its_canvas(name: str, side: int) -> None:
    canvas = SCENES[name](np.random.default_rng(0), side)
    assert canvas.shape == (side, side, 3)
    assert canvas.dtype == np.uint8
    assert canvas.std() > 3


def test_a_largest_side_shrinks_image_and_masks() -> None:
    example = open_demo(settings_of(None)).examples[0]
    picture = load_demo(example, 48, 0, 96)
    assert (picture.height, picture.width) == (48, 48)
    assert decode_rgb(np.frombuffer(picture.jpeg, np.uint8), "a").shape == (48, 48, 3)
    assert {class_id for class_id, _, _ in picture.masks} == set(picture.class_ids)
    assert all(mask.shape == (48, 48) for _, mask, _ in picture.masks)


def test_an_empty_scene_hangs_on_seed_and_number_and_is_no_image_of_the_set() -> None:
    first, again = draw_empty_scene(3, 5, 64), draw_empty_scene(3, 5, 64)
    assert first.shape == (64, 64, 3)
    assert (first == again).all()
    for other in (draw_empty_scene(4, 5, 64), draw_empty_scene(3, 6, 64), draw_scene(3, 5, 64)[0]):
        assert (first != other).any()


def test_an_empty_scene_holds_clutter_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[int] = []
    place = demo._place

    def recorded(canvas: Any, owners: Any, number: int, thing: demo.Thing, *rest: Any) -> None:
        placed.append(thing.class_id)
        place(canvas, owners, number, thing, *rest)

    monkeypatch.setattr(demo, "_place", recorded)
    for number in range(20):
        draw_empty_scene(0, number, 32)
    assert placed
    assert set(placed) == {0}
