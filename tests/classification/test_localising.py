"""A data set's localiser is learned once, from all its training images, and kept."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch

import empaste.classification.localising
from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import read_from
from empaste.classification.localising import FILE, get_localiser, load_localiser
from empaste.errors import InputError
from empaste.networks.weights import build_resnet
from tests.classification.conftest import cam_settings
from tests.stages.classifying import write_dataset

LSE = cam_settings(method="lse", scales=[1.0, 2.0])


@pytest.fixture
def classifier() -> TrainedClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TrainedClassifier(build_resnet("resnet_slim", 8, None, 2).eval(), (2, 5), 32)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset()
    Path("work").mkdir()


def paths() -> dict[int, Path]:
    return dict(read_image_paths(Path("data/images"), "train"))


def pairs() -> pd.DataFrame:
    return read_from(Path("data/labels"), Labels)


def test_grad_cam_takes_none_and_no_image_gives_none(classifier: TrainedClassifier) -> None:
    get = partial(get_localiser, lambda: classifier, Path("data/images"))
    assert get(paths(), pairs(), cam_settings(), Path("work"))() is None
    write_dataset(num_train=0)
    assert get(paths(), pairs(), LSE, Path("work"))() is None
    assert not list(Path("work").iterdir())


def test_it_is_learned_once(classifier: TrainedClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    get = partial(get_localiser, lambda: classifier, Path("data/images"), paths(), pairs(), LSE, Path("work"))
    learned = get()()
    assert learned is not None
    assert learned.weight.shape == (2, 64)
    assert learned.centre.shape == (64,)

    def refuse(*_: object) -> None:
        pytest.fail("it is there")

    monkeypatch.setattr(empaste.classification.localising, "learn_localiser", refuse)
    torch.testing.assert_close(get()(), learned, rtol=0, atol=0)


def test_a_damaged_one_is_learned_again(classifier: TrainedClassifier, capsys: pytest.CaptureFixture[str]) -> None:
    get = partial(get_localiser, lambda: classifier, Path("data/images"), paths(), pairs(), LSE, Path("work"))
    learned = get()()
    Path("work", FILE).write_bytes(b"torn")
    torch.testing.assert_close(get()(), learned, rtol=0, atol=0)
    assert "is not a readable checkpoint" in capsys.readouterr().err


def test_one_that_is_gone_later_is_named() -> None:
    with pytest.raises(InputError, match=r"localiser\.pt is gone or damaged; run again: dvc repro cams"):
        load_localiser(Path("work", FILE))
