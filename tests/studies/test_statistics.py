"""Means, intervals and differences with known answers."""

import pytest

from empaste.studies.statistics import compare, summarise

T_2 = 4.302652729911275
"""The 97.5 % quantile of Student's t with 2 degrees of freedom, from tables."""


def test_mean_spread_and_interval() -> None:
    found = summarise([10.0, 20.0, 30.0])
    half = T_2 * 10 / 3**0.5
    assert (found.n, found.mean, found.spread) == (3, 20.0, 10.0)
    assert (found.low, found.high) == pytest.approx((20 - half, 20 + half))


def test_what_is_not_defined_is_not_counted() -> None:
    assert summarise([None, 3.0]).model_dump() == {"n": 1, "mean": 3.0, "spread": None, "low": None, "high": None}
    assert summarise([]).model_dump() == {"n": 0, "mean": None, "spread": None, "low": None, "high": None}


def test_a_difference_over_shared_seeds_is_paired() -> None:
    # Differences 1, 2, 3: mean 2, standard deviation 1. The values themselves lie far apart.
    found = compare({0: 11.0, 1: 52.0, 2: 93.0, 9: 0.0}, {0: 10.0, 1: 50.0, 2: 90.0, 8: 5.0})
    assert found is not None
    half = T_2 / 3**0.5
    assert (found.n, found.paired, found.mean) == (3, True, 2.0)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert not found.is_shown


def test_an_interval_on_one_side_of_0_shows_a_difference() -> None:
    higher = compare({0: 12.0, 1: 52.1, 2: 92.2}, {0: 10.0, 1: 50.0, 2: 90.0})
    lower = compare({0: 10.0, 1: 50.0, 2: 90.0}, {0: 12.0, 1: 52.1, 2: 92.2})
    assert higher is not None
    assert lower is not None
    assert higher.is_shown
    assert lower.is_shown
    assert (lower.low, lower.high) == pytest.approx((-higher.high, -higher.low))


def test_without_shared_seeds_welchs_interval() -> None:
    # Welch with equal variances and sizes: 4 degrees of freedom, t = 2.776, a standard error of (1/3 + 1/3)^.5.
    found = compare({0: 4.0, 1: 5.0, 2: 6.0}, {7: 1.0, 8: 2.0, 9: 3.0})
    assert found is not None
    half = 2.7764451051977987 * (2 / 3) ** 0.5
    assert (found.n, found.paired, found.mean) == (3, False, 3.0)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


@pytest.mark.parametrize(
    ("own", "other", "mean"),
    [({0: 3.0, 1: 4.0}, {0: 1.0, 1: 2.0}, 2.0), ({0: 3.0, 1: 3.0}, {5: 3.0, 6: 3.0}, 0.0)],
)
def test_equal_differences_have_an_interval_of_no_width(
    own: dict[int, float], other: dict[int, float], mean: float
) -> None:
    found = compare(own, other)
    assert found is not None
    assert (found.mean, found.low, found.high) == (mean, mean, mean)
    assert found.is_shown == (mean != 0)


def test_one_repeat_has_no_interval() -> None:
    assert compare({0: 1.0}, {0: 2.0}) is None
    assert compare({0: 1.0, 1: 1.5}, {2: 2.0}) is None
