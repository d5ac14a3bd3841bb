"""The benchmark of F-EM at the size of a thumbnail: it runs, and ends with its figures and ratios."""

import pytest

from benchmarks import foregrounds
from benchmarks.foregrounds import SETTINGS, SIZES, Size, classes_of, compare_distances, run_em


@pytest.mark.parametrize("distance", SETTINGS)
def test_three_iterations_from_a_file(distance: str) -> None:
    figures = run_em(Size(30, 12, (0.7, 0.3), 120.0, 6.0), distance)
    assert figures["foregrounds"] == 30 + 14
    assert 0 < figures["memory_ratio"] < 1
    assert figures["time_ratio"] == pytest.approx(figures["seconds"] / 120, abs=0.01)


def test_distances_beside_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foregrounds, "PER_IMAGE", 2)
    assert compare_distances(1, 1)["ratio"] > 1


@pytest.mark.parametrize(("name", "classes"), [("voc", 20), ("coco", 80)])
def test_sizes_are_the_published(name: str, classes: int) -> None:
    size = SIZES[name]
    assert len(size.shares) == classes
    assert sum(size.shares) == pytest.approx(1, abs=1e-3)
    assert next(classes_of(size))[0].rows.max() < size.images * 40
