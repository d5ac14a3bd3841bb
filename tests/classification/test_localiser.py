"""A localiser finds the cell that makes an image show a class, leaves out what lies outside, and draws by its seed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import empaste.classification.localiser
from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification.cam_settings import LseSettings
from empaste.classification.localiser import (
    Grids,
    Localiser,
    cells_inside,
    drawn_rows,
    learn_localiser,
    look_at,
    pool,
    score_maps,
)
from empaste.errors import InputError
from empaste.networks.anatomy import feature_maps
from empaste.networks.inputs import to_input
from tests.tiny_networks import BUILDERS, tiny_network

SETTINGS = LseSettings(sharpness=3.0, iterations=60, seed=0)


def marked_grids(num: int, seed: int) -> tuple[Grids, np.ndarray, np.ndarray]:
    """Noise in eight channels; a class's own channel is high in one cell of the images that show it, marked too."""
    rng = np.random.default_rng(seed)
    maps, labels = rng.normal(0, 0.3, (num, 8, 4, 6)), rng.random((num, 2)) < 0.5
    cells = np.stack([rng.integers(0, 4, (num, 2)), rng.integers(0, 6, (num, 2))], -1)
    for row, class_place in np.argwhere(labels):
        maps[row, class_place, cells[row, class_place, 0], cells[row, class_place, 1]] += 4
    return Grids(maps.astype(np.float16), np.ones((num, 4, 6), bool)), labels, cells


@pytest.mark.parametrize(
    ("size_hw", "rows", "columns"),
    [
        ((10, 10), [0, 1, 2, 3], [0, 1, 2]),
        ((10, 20), [1, 2], [0, 1, 2]),
        ((20, 10), [0, 1, 2, 3], [1]),
        ((1, 500), [1, 2], [0, 1, 2]),
        ((500, 1), [0, 1, 2, 3], [1]),
    ],
)
def test_cells_whose_centre_is_in_the_image(size_hw: tuple[int, int], rows: list[int], columns: list[int]) -> None:
    inside = cells_inside(*size_hw, 4, 3)
    assert inside.shape == (4, 3)
    np.testing.assert_array_equal(np.argwhere(inside), [(row, column) for row in rows for column in columns])


@given(
    arrays(np.float64, (2, 3, 2, 1), elements=st.floats(-20, 20)),
    arrays(bool, (2, 3, 2)).filter(lambda inside: bool(inside.any((1, 2)).all())),
    st.floats(0.01, 50),
)
def test_pooled_scores_lie_between_mean_and_maximum_of_the_cells_inside(
    scores: np.ndarray, inside: np.ndarray, sharpness: float
) -> None:
    pooled = pool(torch.from_numpy(scores), torch.from_numpy(inside), sharpness).numpy()[:, 0]
    for one, own, cells in zip(pooled, scores[..., 0], inside, strict=True):
        assert own[cells].mean() - 1e-6 <= one <= own[cells].max() + 1e-6


def test_the_sharper_the_nearer_to_the_maximum() -> None:
    scores, inside = torch.tensor([[[[0.0], [4.0]]]]), torch.ones(1, 1, 2, dtype=torch.bool)
    assert pool(scores, inside, 0.001).item() == pytest.approx(2, abs=0.01)
    assert pool(scores, inside, 1.0).item() == pytest.approx(np.log((1 + np.exp(4)) / 2), abs=1e-5)
    assert pool(scores, inside, 100.0).item() == pytest.approx(4, abs=0.01)


def test_it_finds_the_cell_that_only_labels_told_of() -> None:
    grids, labels, _ = marked_grids(200, 0)
    localiser = learn_localiser([grids], labels, SETTINGS.model_copy(update={"iterations": 600}))
    others, shown, cells = marked_grids(50, 1)
    for row, place in np.argwhere(shown):
        heatmap = score_maps(localiser, torch.from_numpy(others.maps[[row]]).float(), torch.tensor([place]))[0]
        assert np.unravel_index(int(heatmap.argmax()), (4, 6)) == tuple(cells[row, place])
        assert float((heatmap > 0.5 * heatmap.max()).sum()) == 1


def test_what_lies_outside_is_not_learned() -> None:
    grids, labels, _ = marked_grids(60, 0)
    inside = grids.inside.copy()
    inside[:, :, 4:] = False
    spoilt = grids.maps.copy()
    spoilt[:, :, :, 4:] = 1000
    whole, other = (learn_localiser([Grids(maps, inside)], labels, SETTINGS) for maps in (grids.maps, spoilt))
    torch.testing.assert_close(whole, other, rtol=0, atol=0)


def test_sizes_take_turns_and_the_seed_decides() -> None:
    grids, labels, _ = marked_grids(40, 0)
    small = Grids(grids.maps[..., ::2, ::2].copy(), grids.inside[:, ::2, ::2])
    first, again = (learn_localiser([grids, small], labels, SETTINGS) for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    for views, settings in (([grids], SETTINGS), ([grids, small], SETTINGS.model_copy(update={"seed": 1}))):
        assert not torch.equal(learn_localiser(views, labels, settings).weight, first.weight)


def test_a_channel_that_never_changes_has_no_say() -> None:
    grids, labels, _ = marked_grids(20, 0)
    grids.maps[:, 5] = 0
    assert bool(torch.isfinite(learn_localiser([grids], labels, SETTINGS).weight).all())


def test_maps_that_are_no_numbers_are_refused() -> None:
    grids, labels, _ = marked_grids(20, 0)
    grids.maps[3] = np.nan
    with pytest.raises(InputError, match="the localiser's weights are no numbers; the classifier's weights hold NaN"):
        learn_localiser([grids], labels, SETTINGS)


def test_scores_are_linear_in_the_maps_and_positive() -> None:
    localiser = Localiser(torch.tensor([[1.0, 0.0], [1.0, -2.0]]), torch.tensor([0.5, -1.0]))
    maps = torch.tensor([[[[1.0, 2.0]], [[-1.0, 3.0]]]])
    heatmaps = score_maps(localiser, maps[[0, 0]], torch.tensor([0, 1]))
    assert heatmaps.tolist() == [[[0.5, 1.5]], [[0.5, 0.0]]]


def test_of_many_images_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((100, 2), bool)
    labels[:90, 0] = True
    labels[[3, 95], 1] = True
    assert drawn_rows(labels, 0).tolist() == list(range(100))
    monkeypatch.setattr(empaste.classification.localiser, "MAX_IMAGES", 20)
    draws = [drawn_rows(labels, seed).tolist() for seed in range(20)]
    assert all(len(set(drawn)) == 20 and drawn == sorted(drawn) for drawn in draws)
    assert draws[0] == drawn_rows(labels, 0).tolist() != draws[1]
    rare = np.mean([{3, 95} <= set(drawn) for drawn in draws])
    assert rare > 0.9, "uniform draws would hold both in 4 %"
    without = np.mean([len(set(drawn) & set(range(90, 100)) - {95}) for drawn in draws])
    assert 4 < without < 9.01, "images without any class are drawn as those of a rare one"


@pytest.mark.parametrize("kind", BUILDERS)
def test_maps_of_many_images_lie_in_a_file(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = TrainedClassifier(tiny_network(kind), (1, 2, 3), 32)
    squares = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), np.uint8)
    sizes_hw = [(10, 20)] * 5
    store = tmp_path / "maps.npy"
    held = look_at(classifier, squares, sizes_hw, 2, store)
    assert not store.exists()
    with torch.no_grad():
        expected = feature_maps(classifier.network, to_input(squares, "cpu")).grid.numpy()
    np.testing.assert_allclose(held.maps, expected, rtol=1e-2, atol=1e-3)
    assert held.inside.shape == (5, *expected.shape[2:])
    monkeypatch.setattr("empaste.classification.labelled_images.MAX_BYTES_IN_MEMORY", 0)
    in_file = look_at(classifier, squares, sizes_hw, 2, store)
    np.testing.assert_array_equal(in_file.maps, held.maps)
    assert store.stat().st_size > held.maps.nbytes
