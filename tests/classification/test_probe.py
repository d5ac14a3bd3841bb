"""The linear probe: logits that are right and no surer than they may be, and what of a network it touches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification import probe as module
from empaste.classification.labelled_images import LabelledImages
from empaste.classification.probe import fit_probe, start_with_probe
from empaste.classification.train import average_precisions, mean_ap, predict, train_classifier
from empaste.errors import InputError
from empaste.networks.weights import build_network
from tests.classification.conftest import settings_of


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def draw(num: int, seed: int = 0, slope: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Features of five numbers, and labels of two classes: each by one of them, with a logit of ``slope`` times it."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num, 5)) * [1, 10, 0.1, 1, 1] + [0, 5, 0, 0, 0]
    logits = slope * np.stack([features[:, 0], (features[:, 1] - 5) / 10], 1)
    return features, rng.random((num, 2)) < sigmoid(logits)


def test_probabilities_are_as_sure_as_they_are_right() -> None:
    weight, bias = fit_probe(*draw(4000))
    features, labels = draw(4000, seed=1)
    probs = sigmoid(features @ weight.T + bias)
    expected = sigmoid(2 * np.stack([features[:, 0], (features[:, 1] - 5) / 10], 1))
    assert np.abs(probs - expected).mean() < 0.02
    assert abs(probs.mean() - labels.mean()) < 0.02


def test_of_few_images_and_many_features_nothing_is_sure() -> None:
    """The ridge fits these labels without an error; on images left out it is right by chance."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(30, 200)), rng.random((30, 1)) < 0.5
    weight, bias = fit_probe(features, labels)
    others = sigmoid(rng.normal(size=(500, 200)) @ weight.T + bias)
    assert 0.1 < others.min() < others.max() < 0.9


def test_a_class_of_all_or_no_images_has_the_logit_of_its_share() -> None:
    features, labels = draw(9)
    weight, bias = fit_probe(features, np.stack([np.ones(9, bool), labels[:, 0], np.zeros(9, bool)], 1))
    assert not weight[[0, 2]].any()
    assert weight[1].any()
    assert bias[[0, 2]] == pytest.approx([np.log(9.5 / 0.5), np.log(0.5 / 9.5)])


def test_a_feature_that_never_changes_counts_nothing() -> None:
    features, labels = draw(50)
    weight, bias = fit_probe(features, labels)
    with_constant, same_bias = fit_probe(np.c_[features, np.full(50, 7.0)], labels)
    assert with_constant[:, :5] == pytest.approx(weight)
    assert not with_constant[:, 5].any()
    assert same_bias == pytest.approx(bias)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=5, max_size=5), st.lists(st.floats(-9, 9), min_size=5, max_size=5))
def test_logits_do_not_depend_on_the_features_units(factors: list[float], shifts: list[float]) -> None:
    features, labels = draw(60)
    weight, bias = fit_probe(features, labels)
    moved = features * factors + shifts
    other_weight, other_bias = fit_probe(moved, labels)
    assert moved @ other_weight.T + other_bias == pytest.approx(features @ weight.T + bias, abs=1e-6)


@pytest.mark.parametrize("num", [1, 2])
def test_one_image_or_two_give_finite_logits(num: int) -> None:
    labels = np.array([[True, False], [False, True]])[:num]
    weight, bias = fit_probe(draw(num)[0], labels)
    assert np.isfinite(weight).all()
    assert np.isfinite(bias).all()


def random_classifier(architecture: str = "resnet_slim") -> TrainedClassifier:
    torch.manual_seed(0)
    return TrainedClassifier(build_network(architecture, 8, None, 2, 32).eval(), (3, 7), 32)


def head_of(classifier: TrainedClassifier) -> Tensor:
    weight: Tensor = classifier.network.state_dict()["fc.weight"]
    return weight


def test_the_last_layer_alone_is_fitted(train_images: LabelledImages, val_images: LabelledImages) -> None:
    classifier, before = random_classifier(), random_classifier().network.state_dict()
    chance = mean_ap(average_precisions(val_images.labels, predict(classifier, val_images.squares)))
    start_with_probe(classifier, train_images, 0)
    changed = {key for key, tensor in classifier.network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == {"fc.weight", "fc.bias"}
    probed = mean_ap(average_precisions(val_images.labels, predict(classifier, val_images.squares)))
    assert chance is not None
    assert probed is not None
    assert probed > chance + 10


def test_a_mirrored_data_set_gives_the_same_probe(train_images: LabelledImages) -> None:
    first, second = random_classifier(), random_classifier()
    start_with_probe(first, train_images, 0)
    start_with_probe(second, train_images._replace(squares=train_images.squares[:, :, ::-1].copy()), 0)
    assert torch.allclose(head_of(first), head_of(second), atol=1e-4)


def test_of_many_images_some_are_drawn(train_images: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IMAGES", 20)
    seen: list[int] = []
    fit = module.fit_probe

    def noted(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(len(features))
        return fit(features, labels)

    monkeypatch.setattr(module, "fit_probe", noted)
    heads = []
    for seed in (0, 0, 1):
        classifier = random_classifier()
        start_with_probe(classifier, train_images, seed)
        heads.append(head_of(classifier))
    assert seen == [20, 20, 20]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_network_whose_last_layer_reads_another_one_is_refused(train_images: LabelledImages) -> None:
    with pytest.raises(
        InputError, match=r"head is probe, but .* reads another one \(classifier\.0\).*set .* to random"
    ):
        start_with_probe(random_classifier("mobilenet_v3_small"), train_images, 0)


def test_without_epochs_the_probe_is_the_classifier(train_images: LabelledImages, val_images: LabelledImages) -> None:
    probe_alone = settings_of(head="probe", epochs=0)
    classifier, history = train_classifier(train_images, val_images, (3, 7), probe_alone)
    assert [(row["epoch"], row["loss"]) for row in history] == [(0, None)]
    assert not classifier.network.training
    again, _ = train_classifier(train_images, val_images, (3, 7), probe_alone)
    others = again.network.state_dict()
    assert all(torch.equal(tensor, others[key]) for key, tensor in classifier.network.state_dict().items())
