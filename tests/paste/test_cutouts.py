"""Cutouts: whose colours they hold, what they cover, and that they come back from disk."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.paste.cutouts import (
    INDEX,
    PIXELS,
    SURROUNDINGS_RIM,
    Cut,
    Cutout,
    cut_out,
    cut_out_own,
    open_cutouts,
    pool_folder,
    write_cutouts,
)
from empaste.paste.foregrounds import Foreground
from empaste.paste.pool import Canvas


def original(path: Path, image: np.ndarray, *masks: np.ndarray) -> Canvas:
    write_rgb(path, image)
    own = [Foreground(1, k + 1, 10 + k, "segment_id", encode_mask(mask)) for k, mask in enumerate(masks)]
    return Canvas("original", 1, 0, path, tuple(own), True)


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (12, 15, 3), np.uint8)


def test_a_cutout_is_the_box_with_a_rim_in_the_objects_colours_alone(tmp_path: Path) -> None:
    image, mask = picture(), np.zeros((12, 15), bool)
    mask[3:7, 4:10] = True
    mask[4, 6] = False
    [cutout] = cut_out_own(original(tmp_path / "a.png", image, mask), surroundings=False)
    assert cutout.rgba.shape == (6, 8, 4)
    assert np.array_equal(cutout.rgba[1:-1, 1:-1, 3] == 255, mask[3:7, 4:10])
    assert cutout.rgba[[0, -1], :, 3].max() == cutout.rgba[:, [0, -1], 3].max() == 0
    colours = {tuple(colour) for colour in image[mask]}
    assert all(tuple(colour) in colours for colour in cutout.rgba[..., :3].reshape(-1, 3))


def test_the_outermost_pixels_and_what_lies_beside_are_painted_from_within(tmp_path: Path) -> None:
    image, mask = picture(), np.zeros((12, 15), bool)
    mask[3:8, 4:10] = True
    [cutout] = cut_out_own(original(tmp_path / "a.png", image, mask), surroundings=False)
    assert np.array_equal(cutout.rgba[2:-2, 2:-2, :3], image[4:7, 5:9])
    assert (cutout.rgba[:3, :3, :3] == image[4, 5]).all()
    assert (cutout.rgba[-3:, 3, :3] == image[6, 6]).all()


def test_a_part_too_thin_to_have_an_inside_keeps_its_colours(tmp_path: Path) -> None:
    image, mask = picture(), np.zeros((12, 15), bool)
    mask[2, 1:14] = mask[7:10, 3:6] = True
    [cutout] = cut_out_own(original(tmp_path / "a.png", image, mask), surroundings=False)
    assert np.array_equal(cutout.rgba[1, 1:-1, :3], image[2, 1:14])
    assert (cutout.rgba[6:9, 3:6, :3] == image[8, 4]).all()


def test_a_cutout_with_surroundings_shows_them(tmp_path: Path) -> None:
    image, mask = picture(), np.zeros((12, 15), bool)
    mask[3:7, 4:10] = True
    [cutout] = cut_out_own(original(tmp_path / "a.png", image, mask), surroundings=True)
    rim = SURROUNDINGS_RIM
    continued = np.pad(image, ((rim, rim), (rim, rim), (0, 0)), mode="edge")
    assert np.array_equal(cutout.rgba[..., :3], continued[3 : 7 + 2 * rim, 4 : 10 + 2 * rim])
    assert np.count_nonzero(cutout.rgba[..., 3]) == mask.sum()


@pytest.mark.parametrize("surroundings", [False, True])
def test_objects_of_one_pixel_and_of_the_whole_image(tmp_path: Path, surroundings: bool) -> None:
    image, one, whole = picture(), np.zeros((12, 15), bool), np.ones((12, 15), bool)
    one[0, 14] = True
    small, large = cut_out_own(original(tmp_path / "a.png", image, one, whole), surroundings=surroundings)
    rim = SURROUNDINGS_RIM if surroundings else 1
    assert small.rgba.shape == (1 + 2 * rim, 1 + 2 * rim, 4)
    assert np.array_equal(small.rgba[rim, rim, :3], image[0, 14])
    assert large.rgba.shape == (12 + 2 * rim, 15 + 2 * rim, 4)
    assert np.count_nonzero(large.rgba[..., 3]) == 12 * 15


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 14)), min_size=1, max_size=12))
def test_the_hull_holds_every_corner_and_no_more(pixels: list[tuple[int, int]]) -> None:
    from empaste.paste.cutouts import _cut

    mask = np.zeros((12, 15), bool)
    mask[tuple(np.array(pixels).T)] = True
    cutout = _cut(picture(), mask, surroundings=False)
    rows, columns = np.nonzero(cutout.rgba[..., 3])
    corners = np.concatenate([np.column_stack([columns + dx, rows + dy]) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)])
    hull = cutout.hull_xy.astype(np.float32)
    assert all(cv2.pointPolygonTest(hull, [float(x), float(y)], True) >= -1e-4 for x, y in corners)
    assert {tuple(point) for point in hull.tolist()} <= {tuple(point) for point in corners.tolist()}


def test_a_pool_comes_back_as_it_was_written(tmp_path: Path) -> None:
    masks = [np.zeros((12, 15), bool) for _ in range(3)]
    for k, mask in enumerate(masks):
        mask[k : 4 + 2 * k, k : 9 - k] = True
    background = original(tmp_path / "a.png", picture(), *masks)
    cutouts = cut_out_own(background, surroundings=False)
    (tmp_path / "pool").mkdir()
    write_cutouts(tmp_path / "pool", zip(background.own, cutouts, strict=True))
    pool = open_cutouts(tmp_path / "pool")
    assert pool.origin == "segment_id"
    assert pool.class_ids.tolist() == [1, 2, 3]
    assert pool.source_ids.tolist() == [10, 11, 12]
    for index, cutout in enumerate(cutouts):
        assert np.array_equal(pool[index].rgba, cutout.rgba)
        assert np.array_equal(pool[index].hull_xy, cutout.hull_xy)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    background = original(tmp_path / "a.png", picture(), np.ones((15, 12), bool))
    with pytest.raises(InputError, match=r"a\.png is 12 × 15 .*segment_id 10 15 × 12; run: dvc repro"):
        cut_out_own(background, surroundings=False)


@pytest.mark.parametrize("name", [PIXELS, INDEX])
def test_a_pool_is_cut_out_once_and_again_where_it_was_damaged(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((12, 15), bool)
    mask[3:7, 4:10] = True
    background = original(tmp_path / "a.png", picture(), mask)
    asked: list[int] = []

    def counted(cut: Cut, originals: Sequence[Canvas]) -> Iterable[list[Cutout]]:
        asked.append(len(originals))
        return map(cut, originals)

    for _ in range(2):
        assert cut_out(tmp_path / "pools", [background], ["none"], counted) == list(background.own)
    assert asked == [1]
    file = pool_folder(tmp_path / "pools", surroundings=False) / name
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    assert cut_out(tmp_path / "pools", [background], ["none"], counted) == list(background.own)
    assert asked == [1, 1]
    assert f"WARNING: {file.parent} is damaged, and made again" in capsys.readouterr().err
    if name == PIXELS:  # the index is an archive with the time of its making
        assert file.read_bytes() == whole
