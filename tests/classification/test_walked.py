"""Heat maps that follow edges: of a coarse blob on a disc the disc is left, in the image's own frame."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.classification import cam_settings as section
from empaste.classification import walked
from empaste.classification.cam import ClassMap
from empaste.classification.cam_settings import CamSettings
from empaste.classification.walked import contours_for, walk_maps
from empaste.edges.walk import Walk, build_walk
from empaste.errors import InputError
from tests.classification.conftest import cam_settings

SIDE = cam_settings().walk.side
GRID = 4


def disc(height: int, width: int, centre_xy: tuple[int, int], radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((columns - centre_xy[0]) ** 2 + (rows - centre_xy[1]) ** 2 <= radius**2)


def photograph(mask: np.ndarray) -> np.ndarray:
    return np.where(mask[..., None], (220, 30, 30), (30, 220, 30)).astype(np.uint8)


def seen(heatmap: np.ndarray) -> ClassMap:
    return ClassMap(0.9, heatmap, (1.0, 1.0))


def cell(row: int, column: int) -> np.ndarray:
    heatmap = np.zeros((GRID, GRID))
    heatmap[row, column] = 1.0
    return heatmap


def following(**changes: object) -> CamSettings:
    return cam_settings(follow_edges=True, **changes)


def walk_map(found: ClassMap, image: np.ndarray, contours: np.ndarray | None, settings: CamSettings) -> ClassMap:
    return walk_maps([found], image, contours, settings)[0]


def test_the_ease_of_steps_is_found_once_for_all_maps_of_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    image, maps = photograph(disc(64, 64, (24, 40), 14)), [seen(cell(2, 1)), seen(cell(1, 2))]
    alone = [walk_map(one, image, None, following()) for one in maps]
    built: list[Walk] = []

    def build(*arguments: Any) -> Walk:
        built.append(build_walk(*arguments))
        return built[-1]

    monkeypatch.setattr(walked, "build_walk", build)
    together = walk_maps(maps, image, None, following())
    assert len(built) == 1
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.heatmap, other.heatmap)
        assert one.centre_xy == other.centre_xy


def test_a_cell_grows_into_the_object_under_it() -> None:
    mask = disc(64, 64, (24, 40), 14)
    found = walk_map(seen(cell(2, 1)), photograph(mask), None, following())
    assert found.heatmap.shape == (SIDE, SIDE)
    assert found.heatmap.max() == 1
    inside = found.heatmap > 0.5
    assert (inside & mask).sum() / (inside | mask).sum() > 0.9
    assert found.centre_xy == pytest.approx((24, 40), abs=1)
    assert found.prob == 0.9


@pytest.mark.parametrize(("height", "width"), [(60, 120), (120, 60), (30, 15), (3, 200)])
def test_maps_cover_the_square_that_an_image_is_fitted_into(height: int, width: int) -> None:
    """The object is in the middle; nothing is seen where there is no image."""
    mask = disc(height, width, (width // 2, height // 2), max(1, min(height, width) // 4))
    found = walk_map(seen(cell(2, 2)), photograph(mask), None, following())
    heat = found.heatmap
    assert heat.shape == (SIDE, SIDE)
    rows, columns = (np.flatnonzero(heat.any(axis=axis)) for axis in (1, 0))
    share_h, share_w = height / max(height, width), width / max(height, width)
    assert rows.max() - rows.min() + 1 <= max(1, round(SIDE * share_h))
    assert columns.max() - columns.min() + 1 <= max(1, round(SIDE * share_w))
    assert found.centre_xy is not None
    assert 0 <= found.centre_xy[0] < width
    assert 0 <= found.centre_xy[1] < height


def test_an_empty_map_stays_empty() -> None:
    found = walk_map(seen(np.zeros((GRID, GRID))), photograph(disc(64, 64, (24, 40), 14)), None, following())
    assert not found.heatmap.any()
    assert found.centre_xy is None


def test_what_lies_around_decides_where_the_heat_is_at_the_level() -> None:
    """Left half hot, right half at the level: the walk carries the left half's answer over where no edge is."""
    plain = np.full((64, 64, 3), 120, np.uint8)
    heatmap = np.hstack([np.ones((GRID, GRID // 2)), np.full((GRID, GRID // 2), 0.3)])
    found = walk_map(seen(heatmap), plain, None, following(level=0.3))
    assert (found.heatmap > 0.5).all()
    apart = plain.copy()
    apart[:, 32:] = (30, 220, 30)
    cut = walk_map(seen(heatmap), apart, None, following(level=0.6)).heatmap > 0.5
    assert cut[:, :31].all()
    assert not cut[:, 34:].any()


def test_contours_stop_the_walk() -> None:
    """In an image of one colour nothing but a contour says where the object ends."""
    plain = np.full((64, 64, 3), 120, np.uint8)
    contours = np.zeros((64, 64))
    contours[:, 24] = 1.0
    heatmap = np.zeros((GRID, GRID))
    heatmap[:, 0], heatmap[:, 1], heatmap[:, 2] = 1.0, 0.3, 0.3
    free = walk_map(seen(heatmap), plain, None, following()).heatmap > 0.5
    stopped = walk_map(seen(heatmap), plain, contours, following(contours="a file")).heatmap > 0.5
    assert free[:, :30].all()
    assert stopped[:, :23].all()
    assert not stopped[:, 26:].any()


def test_contours_are_looked_for_where_they_are_asked_for(tmp_path: Path) -> None:
    plain = np.full((64, 64, 3), 120, np.uint8)
    assert contours_for(plain, tmp_path / "a.jpg", following()) is None
    missing = str(tmp_path / "none.h5")
    with pytest.raises(InputError, match=r"cams\.contours names '.*none\.h5', but there is no such file"):
        contours_for(plain, tmp_path / "a.jpg", following(contours=missing))


def test_the_contours_that_errors_name_are_a_parameter() -> None:
    assert section.CONTOURS.removeprefix("cams.") in CamSettings.model_fields
