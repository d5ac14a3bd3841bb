"""A classifier's say in the scores of detections."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.classifier import TrainedClassifier, classify, load_classifier, save_classifier
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Network
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.rescoring import (
    MARGIN,
    Boxes,
    SecondOpinion,
    box_probabilities,
    least_score,
    load_opinion,
    rescore,
)
from empaste.errors import InputError
from empaste.images import fit_within
from empaste.networks.weights import build_resnet

SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
CLASSES = {3: "square", 7: "disc"}
LOAD = DetectSettings(min_score=0.0, max_detections=10, batch_size=2, num_threads=1, device="cpu")


def detection(class_id: int, score: float) -> DetectedInstance:
    return {"category_id": class_id, "bbox": [0.0, 0.0, 1.0, 1.0], "score": score,
            "segmentation": {"size": [1, 1], "counts": "01"}}  # fmt: skip


def save(folder: Path, names: dict[int, str]) -> Path:
    torch.manual_seed(0)
    network = build_resnet("resnet_slim", 8, None, len(names)).eval()
    classifier = TrainedClassifier(network, tuple(names), 32)
    save_classifier(classifier, folder, architecture="resnet_slim", width=8, class_names=tuple(names.values()))
    return folder


def test_scores_are_weighted_geometric_means_best_first() -> None:
    found = [detection(3, 0.64), detection(7, 0.25), detection(3, 0.04)]
    assert rescore(found, np.array([0.25, 1.0, 0.25]), 0.5, 0.0) == [
        detection(7, 0.5), detection(3, 0.4), detection(3, 0.1)
    ]  # fmt: skip
    assert found[0]["score"] == 0.64


def test_what_falls_under_the_least_score_is_left_out() -> None:
    found = [detection(3, 0.64), detection(7, 0.25)]
    assert rescore(found, np.array([0.25, 1.0]), 0.5, 0.45) == [detection(7, 0.5)]
    assert rescore(found, np.zeros(2), 0.5, 0.01) == []
    assert rescore([], np.zeros(0), 0.5, 0.01) == []


def test_equal_scores_stay_in_the_detectors_order() -> None:
    found = [detection(7, 0.5), detection(3, 0.5)]
    assert rescore(found, np.array([0.5, 0.5]), 0.3, 0.0) == found


@given(
    score=st.floats(0.0, 1.0), prob=st.floats(0.0, 1.0), weight=st.floats(0.01, 0.99), min_score=st.floats(0.01, 1.0)
)
def test_nothing_that_would_stay_is_under_the_least_score_of_the_detector(
    score: float, prob: float, weight: float, min_score: float
) -> None:
    least = least_score(min_score, weight)
    assert 0 <= least <= min_score
    if score < least * (1 - 1e-6):
        assert score ** (1 - weight) * prob**weight < min_score


def test_the_classifier_sees_each_box_and_a_margin_in_the_image(tmp_path: Path) -> None:
    """Of a box of 20 × 10 pixels, 2 and 1 more on every side, as far as the image goes."""
    classifier = load_classifier(save(tmp_path, CLASSES))
    image = np.random.default_rng(0).integers(0, 256, (50, 100, 3), np.uint8)
    boxes_xywh = np.array([[30.0, 20.0, 20.0, 10.0], [90.0, 0.0, 10.0, 50.0], [99.9, 49.9, 0.1, 0.1]])
    shown = [image[19:31, 28:52], image[0:50, 89:100], image[49:50, 99:100]]
    assert MARGIN == 0.1
    (probs,) = box_probabilities(classifier, [Boxes(image, boxes_xywh / (100, 50, 100, 50))])
    expected = classify(classifier, [np.ascontiguousarray(part) for part in shown])[0]
    np.testing.assert_allclose(probs, expected, rtol=1e-6)


def test_an_image_without_boxes_has_no_row(tmp_path: Path) -> None:
    classifier = load_classifier(save(tmp_path, CLASSES))
    nothing = Boxes(np.zeros((5, 5, 3), np.uint8), np.zeros((0, 4)))
    assert [probs.shape for probs in box_probabilities(classifier, [nothing, nothing])] == [(0, 2), (0, 2)]


@pytest.mark.parametrize("side", [60, 1500])
def test_scores_are_of_the_boxes_in_the_image_as_it_came(tmp_path: Path, side: int) -> None:
    """What comes back is what the detector alone finds; of a large image boxes are looked at in a smaller one."""
    torch.manual_seed(0)
    classes = [{"id": number, "name": name} for number, name in CLASSES.items()]
    config = {"backend": "torchvision", **asdict(SLIM), "classes": classes}
    save_network(build_mask_rcnn(SLIM, 2, None), tmp_path / "detector", config)
    opinion = SecondOpinion(save(tmp_path / "classifier", {7: "disc", 9: "ring", 3: "square"}), 0.4)
    images = [np.random.default_rng(k).integers(0, 256, (90 + k, side, 3), np.uint8) for k in range(2)]
    alone = load_detector(tmp_path / "detector", LOAD)(images)
    detect = load_detector(tmp_path / "detector", replace(LOAD, opinion=opinion))
    together = detect(images)
    assert all(together)
    classifier = load_classifier(opinion.classifier)
    for image, found, own in zip(images, together, alone, strict=True):
        sides = [image.shape[1], image.shape[0]] * 2
        shares = np.array([one["bbox"] for one in own]) / sides
        (probs,) = box_probabilities(classifier, [Boxes(fit_within(image, 1024), shares)])
        places = [classifier.class_ids.index(one["category_id"]) for one in own]
        of_own_class = [float(row[place]) for row, place in zip(probs, places, strict=True)]
        expected = sorted(
            (one["score"] ** 0.6 * prob**0.4 for one, prob in zip(own, of_own_class, strict=True)), reverse=True
        )
        assert [one["score"] for one in found] == pytest.approx(expected, abs=2e-4)
    assert detect([]) == []


@pytest.mark.parametrize("names", [{3: "square", 9: "disc"}, {3: "square", 7: "ring"}])
def test_a_classifier_of_other_classes_is_refused(tmp_path: Path, names: dict[int, str]) -> None:
    opinion = SecondOpinion(save(tmp_path, names), 0.5)
    with pytest.raises(InputError, match=r"has no class 7 disc, which the detector knows; give the classifier of the"):
        load_opinion(opinion, CLASSES, "cpu", 1)


def test_a_classifier_whose_answers_are_no_numbers_is_refused(tmp_path: Path) -> None:
    classifier = load_classifier(save(tmp_path, CLASSES))
    with torch.no_grad():
        for values in classifier.network.parameters():
            values.fill_(float("nan"))
    with pytest.raises(InputError, match=r"probabilities are no numbers.*set evaluate\.classifier_weight to 0"):
        list(box_probabilities(classifier, [Boxes(np.zeros((32, 32, 3), np.uint8), np.array([[0.0, 0.0, 1.0, 1.0]]))]))


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json does not exist; run: dvc repro classifier"):
        load_opinion(SecondOpinion(tmp_path, 0.5), CLASSES, "cpu", 1)
