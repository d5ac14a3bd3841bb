"""Looking at DVC's experiments while they come and go; what DVC itself does is in ``test_queue.py``."""

import json
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.studies import experiments
from empaste.studies.experiments import LOOKS, code_of, find_experiments

GONE = "dvc exp show failed:\nfailed to show experiments - directory '/top/.dvc/tmp/exps/tmpab/.dvc' does not exist"


class Dvc:
    """``dvc exp show``, which fails as ``errors`` say, and then lists no experiment."""

    def __init__(self, errors: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.errors, self.asked = errors, 0
        monkeypatch.setattr(experiments, "dvc", self)
        monkeypatch.setattr(experiments, "LOOK_AGAIN_SECONDS", 0)

    def __call__(self, *words: str) -> str:
        assert words == ("exp", "show", "--json", "--rev", "abc")
        self.asked += 1
        if self.asked <= len(self.errors):
            raise InputError(self.errors[self.asked - 1])
        return json.dumps([{"rev": "abc", "experiments": None}])


def test_an_experiment_that_ends_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    dvc = Dvc([GONE] * (LOOKS - 1), monkeypatch)
    assert find_experiments("study-", ["abc"]) == []
    assert dvc.asked == LOOKS


def test_an_error_that_stays_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Dvc([GONE] * LOOKS, monkeypatch)
    with pytest.raises(InputError, match="does not exist"):
        find_experiments("study-", ["abc"])


def test_another_error_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dvc = Dvc(["dvc exp show failed:\nunable to read the lock"], monkeypatch)
    with pytest.raises(InputError, match="unable to read the lock"):
        find_experiments("study-", ["abc"])
    assert dvc.asked == 1


def test_a_persons_decisions_count_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert "data/decisions/labels.csv" in code_of(["prepare"])
    assert "data/decisions/foregrounds.json" in code_of(["foregrounds", "paste"])
    assert [one for one in code_of(["foregrounds", "paste"]) if one.startswith("data/")] == [
        "data/decisions/foregrounds.json"
    ]
