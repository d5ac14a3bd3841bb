"""Where objects go: known circles, borders, objects that do not fit."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.paste import PLACEMENTS
from empaste.paste.placement import (
    MAX_OVERHANG,
    Circle,
    Pose,
    enclosing_circle,
    free_distances,
    limit_overhang,
    place_at_random,
    place_in_largest_circle,
    place_nowhere,
)
from tests.paste.scenes import changed

NATIVE = changed(scale=[1.0, 1.0])
SQUARE = np.array([[-0.5, -0.5], [9.5, -0.5], [9.5, 9.5], [-0.5, 9.5]])


def moved(hull_xy: np.ndarray, pose: Pose | None) -> np.ndarray:
    assert pose is not None
    return pose.scale * hull_xy + pose.offset_xy


hulls = st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), min_size=1, max_size=12).map(
    lambda points: np.concatenate([np.array(points) + corner for corner in ((0, 0), (1, 0), (0, 1), (1, 1))])
)


@given(hull=hulls, height=st.integers(1, 400), width=st.integers(1, 400), seed=st.integers(0, 99))
def test_random_paste_scales_within_range_and_hangs_over_by_a_quarter_at_most(
    hull: np.ndarray, height: int, width: int, seed: int
) -> None:
    pose = place_at_random(
        hull, np.zeros((height, width), np.int32), np.random.default_rng(seed), changed(scale=[0.3, 1.0])
    )
    assert pose is not None
    corners = moved(hull, pose)
    extent = corners.max(axis=0) - corners.min(axis=0)
    fits = np.min((width, height) / (hull.max(axis=0) - hull.min(axis=0)))
    assert min(0.3, fits) * 0.999 <= pose.scale <= min(1.0, fits) * 1.001
    assert (extent <= np.array([width, height]) * 1.001).all()
    assert (corners.min(axis=0) >= -0.5 - MAX_OVERHANG * extent - 1e-6).all()
    assert (corners.max(axis=0) <= np.array([width, height]) - 0.5 + MAX_OVERHANG * extent + 1e-6).all()


def test_random_paste_reaches_every_border() -> None:
    rng = np.random.default_rng(0)
    lows = np.array(
        [moved(SQUARE, place_at_random(SQUARE, np.zeros((40, 80), np.int32), rng, NATIVE)).min(0) for _ in range(500)]
    )
    assert lows.min(axis=0) == pytest.approx([-3, -3], abs=0.5)
    assert lows.max(axis=0) == pytest.approx([80 - 7.5 - 0.5, 40 - 7.5 - 0.5], abs=0.5)


def test_of_several_places_the_one_that_covers_the_least_is_taken() -> None:
    """The free strip takes up a fifth of the image, and the object just fits into it."""
    ids = np.ones((40, 100), np.int16)
    ids[:, 40:60] = 0
    tried = changed(scale=[1.0, 1.0], tries=100)
    for seed in range(20):
        left, top = moved(SQUARE, place_at_random(SQUARE, ids, np.random.default_rng(seed), tried)).min(axis=0)
        assert 38.5 <= left <= 50.5
        assert -3.1 <= top <= 32.1


def test_one_try_is_the_first_of_many() -> None:
    """And where nothing is to be hidden the first place stays."""
    first = place_at_random(SQUARE, np.ones((40, 80), np.int16), np.random.default_rng(3), NATIVE)
    many = changed(scale=[1.0, 1.0], tries=9)
    assert place_at_random(SQUARE, np.zeros((40, 80), np.int16), np.random.default_rng(3), many) == first


@given(seed=st.integers(0, 999), tries=st.integers(2, 8))
def test_more_tries_never_cover_more(seed: int, tries: int) -> None:
    rng = np.random.default_rng(seed)
    ids = (rng.random((30, 50)) < 0.5).astype(np.int16)

    def covered(num: int) -> int:
        pose = place_at_random(SQUARE, ids, np.random.default_rng(seed), changed(scale=[1.0, 1.0], tries=num))
        (left, top), (right, bottom) = (moved(SQUARE, pose) + 0.5).round().astype(int).clip(0).tolist()[::2]
        return int(np.count_nonzero(ids[top:bottom, left:right]))

    assert covered(tries) <= covered(1)


def test_space_maximize_fills_the_free_half() -> None:
    ids = np.zeros((41, 82), np.int32)
    ids[:, :41] = 1
    pose = place_in_largest_circle(SQUARE, ids, np.random.default_rng(0), changed(scale=[0.3, 1.0]))
    assert moved(np.array([[4.5, 4.5]]), pose)[0] == pytest.approx([61, 20], abs=0.02)
    assert pose is not None
    assert pose.scale * 5 * np.sqrt(2) == pytest.approx(20.5, rel=0.01)


def test_space_maximize_finds_the_largest_circle_as_brute_force_does() -> None:
    rng, least, num_placed = np.random.default_rng(3), NATIVE.min_radius, 0
    for density in (0.004, 0.02) * 10:
        ids = (rng.random((30, 36)) < density).astype(np.int32)
        rows, columns = np.nonzero(np.pad(ids, 1, constant_values=1))
        ys, xs = np.mgrid[1:31, 1:37]
        nearest = np.hypot(ys[..., None] - rows, xs[..., None] - columns).min(axis=-1)
        pose = place_in_largest_circle(SQUARE, ids, rng, NATIVE)
        radius = nearest.max() - 0.5
        if abs(radius - least) > 0.03 * least:  # OpenCV's distances are as far off the true ones
            assert (pose is not None) == (radius > least)
        if pose is not None:
            num_placed += 1
            assert pose.scale * 5 * np.sqrt(2) == pytest.approx(radius, rel=0.03)
            x, y = moved(np.array([[4.5, 4.5]]), pose)[0].round().astype(int)
            assert nearest[y, x] >= 0.97 * nearest.max()
    assert 0 < num_placed < 20, "some images have room, and some have none"


def test_space_maximize_of_an_empty_image_varies_where_several_circles_are_largest() -> None:
    centres = set()
    for seed in range(30):
        pose = place_in_largest_circle(SQUARE, np.zeros((21, 200), np.int32), np.random.default_rng(seed), NATIVE)
        centres.add(round(float(moved(np.array([[4.5, 4.5]]), pose)[0, 0])))
    assert len(centres) > 15


def test_space_maximize_ends_when_the_room_is_used_up() -> None:
    ids = np.zeros((200, 200), np.int32)
    rng = np.random.default_rng(0)
    num_placed = 0
    while (pose := place_in_largest_circle(SQUARE, ids, rng, NATIVE)) is not None:
        centre = moved(np.array([[4.5, 4.5]]), pose)[0]
        cv2.circle(ids, [int(v) for v in centre.round()], int(pose.scale * 7.07), 1, -1)
        num_placed += 1
    assert 3 < num_placed < 300


def test_space_maximize_has_no_room_on_a_full_or_tiny_image() -> None:
    rng = np.random.default_rng(0)
    assert place_in_largest_circle(SQUARE, np.ones((50, 50), np.int32), rng, NATIVE) is None
    assert place_in_largest_circle(SQUARE, np.zeros((1, 1), np.int32), rng, NATIVE) is None
    assert place_nowhere(SQUARE, np.zeros((50, 50), np.int32), rng, NATIVE) is None


@settings(deadline=None)
@given(hull=hulls, seed=st.integers(0, 99))
def test_space_maximize_keeps_the_whole_object_on_the_image(hull: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = (rng.random((50, 70)) < 0.002).astype(np.int32)
    pose = place_in_largest_circle(hull, ids, rng, NATIVE)
    if pose is not None:
        corners = moved(hull, pose)
        assert (corners > -0.6).all()
        assert (corners < [69.6, 49.6]).all()


@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_placement_gives_a_pose_by_the_seed_alone_and_leaves_the_map_alone(name: str) -> None:
    ids = np.zeros((40, 50), np.int32)
    ids[10:20, 10:20] = 3
    before = ids.copy()
    first, second = (
        PLACEMENTS[name].place(SQUARE, ids, np.random.default_rng(1), changed(scale=[0.5, 1.0])) for _ in range(2)
    )
    assert first == second
    assert first is None or first.scale > 0
    assert np.array_equal(ids, before)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 0, (0, 0)),
        (-2, 0, (-2, 0)),
        (-3, 0, (0, 0)),
        (95, 3, (90, 3)),
        (-2, 48, (0, 40)),
        (-2, -1, (0, 0)),
        (-50, 900, (0, 40)),
    ],
)
def test_an_object_that_would_lose_more_than_a_quarter_is_moved_inside(
    x: int, y: int, expected: tuple[int, int]
) -> None:
    assert limit_overhang(np.ones((10, 10), bool), x, y, (50, 100)) == expected


def test_only_the_pixels_of_the_object_count_for_its_overhang() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:, 8] = True
    assert limit_overhang(mask, -8, 0, (50, 100)) == (-8, 0)
    assert limit_overhang(mask, -9, 0, (50, 100)) == (-8, 0)
    assert limit_overhang(np.zeros((3, 3), bool), -9, 0, (50, 100)) == (-9, 0)


def test_distances_lead_to_what_is_taken_or_lies_outside() -> None:
    ids = np.zeros((7, 9), np.int16)
    assert free_distances(ids).max() == pytest.approx(4, abs=0.1)  # from the middle row to the one beyond the border
    ids[:, 6] = -1  # void is taken, too
    distances = free_distances(ids)
    assert distances[3].tolist() == pytest.approx([1, 2, 3, 3, 2, 1, 0, 1, 1], abs=0.1)


def test_the_circle_around_an_object_goes_where_the_object_goes() -> None:
    circle = enclosing_circle(SQUARE)
    assert circle == pytest.approx((4.5, 4.5, 50**0.5), abs=0.01)
    assert Circle(4.5, 4.5, 7.0).posed(Pose(2.0, (10.0, -3.0))) == Circle(19.0, 6.0, 14.0)
