"""A value is made once in a process, and never sent to another."""

import pickle
from functools import partial

from empaste.per_process import PerProcess

MADE: list[str] = []


def make(name: str) -> list[str]:
    MADE.append(name)
    return [name]


def test_it_is_made_once_when_it_is_first_asked_for() -> None:
    MADE.clear()
    network = PerProcess(partial(make, "network"))
    assert MADE == []
    assert network() is network()
    assert MADE == ["network"]


def test_sent_elsewhere_it_is_made_there() -> None:
    network = PerProcess(partial(make, "network"))
    first = network()
    first.append("filled since")
    MADE.clear()
    assert pickle.loads(pickle.dumps(network))() == ["network"]
    assert MADE == ["network"]
