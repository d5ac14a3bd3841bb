"""The distributions that foregrounds are drawn from."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.paste import SELECTIONS
from empaste.paste.foregrounds import Foreground
from empaste.paste.sampling import PoolColumns, columns_of, draw, open_draws, write_draws
from empaste.rle import RLE
from tests.paste.scenes import changed

IMBALANCED = np.array([7] * 90 + [3] * 9 + [5])


def candidates(
    class_ids: list[int] | np.ndarray, image_ids: list[int] | None = None, confidences: list[float] | None = None
) -> PoolColumns:
    """By default every foreground is the only one of its image, and as sure as the others."""
    num = len(class_ids)
    return PoolColumns(
        np.array(class_ids),
        np.arange(num) if image_ids is None else np.array(image_ids),
        np.full(num, 0.5) if confidences is None else np.array(confidences, float),
    )


def weigh(name: str, pool: PoolColumns, threshold: float = 0.3, temperature: float = 1.0) -> np.ndarray:
    settings = changed(repeat_threshold=threshold, confidence_temperature=temperature)
    weights = SELECTIONS[name](pool, settings)
    return np.asarray(weights / weights.sum())


def shares(name: str, pool: PoolColumns, **settings: float) -> dict[int, float]:
    weights = weigh(name, pool, **settings)
    return {class_id: float(weights[pool.class_ids == class_id].sum()) for class_id in sorted(set(pool.class_ids))}


def test_uniform_follows_the_pool() -> None:
    assert shares("uniform", candidates(IMBALANCED)) == pytest.approx({7: 0.90, 3: 0.09, 5: 0.01})


def test_balanced_gives_every_class_the_same_and_every_foreground_of_it() -> None:
    weights = weigh("balanced", candidates(IMBALANCED))
    assert shares("balanced", candidates(IMBALANCED)) == pytest.approx({3: 1 / 3, 5: 1 / 3, 7: 1 / 3})
    assert weights[:90] == pytest.approx(np.full(90, 1 / 270))


def test_repeat_factor_lifts_classes_under_the_threshold_by_the_root() -> None:
    # Shares of the images: .9, .09, .01; at t = 0.36 factors of 1, 2, 6.
    found = shares("repeat_factor", candidates(IMBALANCED), threshold=0.36)
    assert found == pytest.approx({7: 90 / 114, 3: 18 / 114, 5: 6 / 114})
    assert shares("repeat_factor", candidates(IMBALANCED), threshold=0.01) == pytest.approx({7: 0.9, 3: 0.09, 5: 0.01})


def test_the_rarest_class_of_an_image_decides_for_all_its_foregrounds() -> None:
    # Class 1 in three of four images, class 2 in one, beside class 1; two foregrounds of class 1 in image 12.
    pool = candidates([1, 1, 1, 1, 2, 3], [10, 11, 12, 12, 11, 13])
    weights = weigh("repeat_factor", pool, threshold=1.0)
    assert weights / weights[0] == pytest.approx([1, 3**0.5, 1, 1, 3**0.5, 3**0.5])


def test_repeat_factor_needs_no_table_of_images_and_classes() -> None:
    rng = np.random.default_rng(0)
    pool = candidates(rng.integers(0, 1_000, 9_000), rng.integers(0, 3_000, 9_000).tolist())
    tracemalloc.start()
    weights = SELECTIONS["repeat_factor"](pool, changed(repeat_threshold=0.01))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20, "a table of them has 3 MB of booleans, and 24 of numbers"
    shown = np.zeros((3_000, 1_000), bool)
    shown[pool.image_ids, pool.class_ids] = True
    shown = shown[shown.any(axis=1)]
    repeats = np.maximum(1, np.sqrt(0.01 / shown.mean(axis=0)))
    expected = np.where(shown, repeats, 0).max(axis=1)[np.unique(pool.image_ids, return_inverse=True)[1]]
    assert np.array_equal(weights, expected)


def test_confidence_by_power_within_a_class_that_keeps_its_share() -> None:
    pool = candidates([1, 1, 2, 2, 2], confidences=[0.9, 0.1, 0.2, 0.4, 0.2])
    assert weigh("confidence", pool) == pytest.approx([0.36, 0.04, 0.15, 0.3, 0.15])
    assert weigh("confidence", pool, temperature=0.5)[:2] == pytest.approx([0.4 * 81 / 82, 0.4 / 82])
    assert weigh("confidence", pool, temperature=1e9) == pytest.approx(np.full(5, 0.2))
    assert weigh("confidence", pool, temperature=1e-4) == pytest.approx([0.4, 0, 0, 0.6, 0])


def test_no_confidence_at_all_is_drawn_uniformly_within_the_class() -> None:
    pool = candidates([1, 1, 2, 2], confidences=[0.0, 0.0, 0.0, 0.7])
    assert weigh("confidence", pool) == pytest.approx([0.25, 0.25, 0, 0.5])


def test_foregrounds_without_confidence_are_refused_with_what_is_allowed() -> None:
    truth = [Foreground(4, 1, 9, "annotation_id", RLE(size=[1, 1], counts="01"))]
    with pytest.raises(InputError, match=r"choose from uniform, balanced, repeat_factor, or set paste\.foregrounds"):
        weigh("confidence", columns_of(truth))
    for name in ("uniform", "balanced", "repeat_factor"):
        assert weigh(name, columns_of(truth)).tolist() == [1]


def test_draws_follow_the_weights_and_none_falls_on_a_weight_of_zero(tmp_path: Path) -> None:
    write_draws(tmp_path, np.array([0, 3.0, 0, 1, 0]))
    drawn = draw(open_draws(tmp_path), 20_000, np.random.default_rng(0))
    assert (np.bincount(drawn, minlength=5) / 20_000).tolist() == pytest.approx([0, 0.75, 0, 0.25, 0], abs=0.01)
    assert set(drawn.tolist()) == {1, 3}


@pytest.mark.parametrize("name", SELECTIONS)
@given(
    rows=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 8), st.floats(0, 1)), min_size=1, max_size=20),
    threshold=st.floats(1e-6, 1),
    temperature=st.floats(1e-3, 1e3),
    num=st.integers(0, 50),
    seed=st.integers(0, 99),
)
def test_every_selection_draws_positions_of_the_pool_by_the_seed_alone(
    name: str, rows: list[tuple[int, int, float]], threshold: float, temperature: float, num: int, seed: int
) -> None:
    pool = candidates(*(list(column) for column in zip(*rows, strict=True)))
    weights = weigh(name, pool, threshold, temperature)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    shares_up_to = np.cumsum(weights) / np.cumsum(weights)[-1]
    first, second = (draw(shares_up_to, num, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == (num,)
    assert np.array_equal(first, second)
    assert ((first >= 0) & (first < len(rows))).all()
