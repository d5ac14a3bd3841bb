"""A map gives the same results, in order, however many workers there are; errors come through."""

from functools import partial

import numpy as np
import pytest

from empaste.errors import InputError
from empaste.scaleout import map_items, num_workers


def draw(item: int, seed: int) -> float:
    return float(np.random.default_rng([seed, item]).random())


def refuse_eleven(item: int) -> int:
    if item == 11:
        raise InputError("item 11 is bad")
    return item


def test_one_and_many_workers_agree() -> None:
    function = partial(draw, seed=3)
    alone = list(map_items(function, range(40), "draw", workers=1))
    assert alone == [function(item) for item in range(40)]
    assert list(map_items(function, range(40), "draw", workers=3)) == alone


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_map(workers: int) -> None:
    with pytest.raises(InputError, match="item 11 is bad"):
        list(map_items(refuse_eleven, range(20), "check", workers=workers))


def test_the_environment_sets_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    assert num_workers() == 3
    for value in ("0", "two", "-1"):
        monkeypatch.setenv("EMPASTE_WORKERS", value)
        with pytest.raises(InputError, match="EMPASTE_WORKERS is"):
            num_workers()
