"""The distributions that foregrounds are drawn from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.paste import SELECTIONS
from empaste.paste.sampling import draw_balanced, draw_uniform

IMBALANCED = np.array([7] * 90 + [3] * 9 + [5])


def shares(drawn: np.ndarray) -> dict[int, float]:
    ids, counts = np.unique(IMBALANCED[drawn], return_counts=True)
    return dict(zip(ids.tolist(), (counts / len(drawn)).tolist(), strict=True))


def test_uniform_follows_the_pool() -> None:
    found = shares(draw_uniform(IMBALANCED, 20_000, np.random.default_rng(0)))
    assert found == pytest.approx({7: 0.90, 3: 0.09, 5: 0.01}, abs=0.01)


def test_balanced_draws_every_class_equally_often_and_every_foreground_of_it() -> None:
    drawn = draw_balanced(IMBALANCED, 20_000, np.random.default_rng(0))
    assert shares(drawn) == pytest.approx({3: 1 / 3, 5: 1 / 3, 7: 1 / 3}, abs=0.01)
    assert set(drawn.tolist()) == set(range(100))


@pytest.mark.parametrize("name", SELECTIONS)
@given(class_ids=st.lists(st.integers(1, 90), min_size=1, max_size=20), num=st.integers(0, 50), seed=st.integers(0, 99))
def test_every_selection_draws_positions_of_the_pool_by_the_seed_alone(
    name: str, class_ids: list[int], num: int, seed: int
) -> None:
    first, second = (SELECTIONS[name](np.array(class_ids), num, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == (num,)
    assert np.array_equal(first, second)
    assert ((first >= 0) & (first < len(class_ids))).all()
