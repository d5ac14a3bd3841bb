from typing import Any

import pytest

from empaste.detectors import schedule
from tests.detectors.tiny_settings import tiny_settings


def test_every_item_is_seen_once_per_pass() -> None:
    places = [place for iteration in range(7) for place in schedule.batch_places(14, 4, iteration, seed=3)]
    assert sorted(places[:14]) == sorted(places[14:]) == list(range(14))
    assert places[:14] != places[14:]
    assert schedule.batch_places(14, 4, 0, seed=4) != places[:4]


def test_a_batch_may_hold_several_passes() -> None:
    assert schedule.batch_places(1, 3, 5, seed=0) == [0, 0, 0]


def rates(**changes: Any) -> list[float]:
    one = tiny_settings(**{"learning_rate": 1.0, "iterations": 100} | changes)
    return [schedule.learning_rate(one, iteration) for iteration in range(one.iterations)]


def test_the_learning_rate_rises_then_falls() -> None:
    shares = rates()
    assert shares[0] == pytest.approx(0.1)
    assert max(shares) == shares[9] == shares[10] == 1
    assert shares[:10] == sorted(shares[:10])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[55] == pytest.approx((1 + schedule.FINAL_RATE) / 2)
    assert schedule.FINAL_RATE <= shares[-1] < 0.02
    assert rates(iterations=1) == [1]


def test_steps_fall_where_the_long_trainings_do() -> None:
    shares = rates(schedule="steps", iterations=270, warm_up=0.0)
    assert shares == [1.0] * 240 + [0.1] * 20 + [0.01] * 10


@pytest.mark.parametrize("iterations", [1, 2, 3, 10])
def test_steps_hold_for_the_shortest_trainings(iterations: int) -> None:
    shares = rates(schedule="steps", iterations=iterations, warm_up=0.0)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1


def test_the_rate_is_scaled_with_the_batch() -> None:
    papers = {"learning_rate": 0.1, "reference_batch": 128}
    assert schedule.peak_rate(tiny_settings(**papers, batch_size=128)) == pytest.approx(0.1)
    assert schedule.peak_rate(tiny_settings(**papers, batch_size=16)) == pytest.approx(0.0125)
    assert schedule.peak_rate(tiny_settings(learning_rate=0.1, reference_batch=0, batch_size=16)) == 0.1
