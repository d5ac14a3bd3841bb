"""Presence first, then the best of each caption."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from empaste.artifacts import classifier as classifier_module
from empaste.artifacts.classifier import TrainedClassifier, load_classifier
from empaste.backgrounds import selection
from empaste.backgrounds.clip_selection import Clip, ClipScores
from empaste.backgrounds.scenes import Candidate


@pytest.fixture
def classifier(tmp_path: Path) -> TrainedClassifier:
    from tests.tiny_models import save_tiny_classifier

    return load_classifier(save_tiny_classifier(tmp_path / "classifier", ("dog", "cat")))


def candidates_of(captions: list[tuple[int, int]]) -> list[tuple[int, Candidate]]:
    image = np.zeros((8, 8, 3), np.uint8)
    return [(image_id, Candidate(image, caption_id, "a gate")) for image_id, caption_id in captions]


def judged(
    classifier: TrainedClassifier,
    captions: list[tuple[int, int]],
    probs: list[float],
    scores: list[float] | None,
    two_step: bool = False,
) -> selection.Judged:
    table = np.array([[prob, 0.0] for prob in probs], np.float32).reshape(-1, 2)
    clip = None if scores is None else Clip(None, None, None, torch.zeros(0))
    both = ClipScores(np.array(scores or []), np.zeros(len(scores or [])))
    with (
        patch.object(classifier_module, "classify", return_value=(table, None)),
        patch.object(selection, "clip_scores", return_value=both),
    ):
        return selection.judge(
            candidates_of(captions), classifier, clip, keep=1, two_step=two_step, presence_threshold=0.5
        )


def test_the_best_without_an_object_is_kept_per_caption(classifier: TrainedClassifier) -> None:
    captions = [(1, 10), (1, 10), (1, 10), (1, 11), (2, 12)]
    result = judged(classifier, captions, [0.9, 0.1, 0.2, 0.1, 0.8], [0.9, 0.3, 0.4, 0.1, 0.9])
    assert result.selected.tolist() == [False, False, True, True, False]
    assert result.shown_per_class == {1: 2, 2: 0}


def test_without_clip_the_first_or_the_least_like_a_class_is_kept_per_image(classifier: TrainedClassifier) -> None:
    rows = [(1, -1), (1, -1), (2, -1), (2, -1), (3, -1), (3, -1)], [0.9, 0.1, 0.2, 0.1, 0.1, 0.2]
    result = judged(classifier, *rows, None)
    assert result.selected.tolist() == [False, True, True, False, True, False]
    assert np.isnan(result.scores.prompt).all()
    assert np.isnan(result.scores.target).all()
    assert judged(classifier, *rows, None, two_step=True).selected.tolist() == [False, True, False, True, True, False]


def test_nothing_to_judge(classifier: TrainedClassifier) -> None:
    result = selection.judge([], classifier, None, keep=1, two_step=True, presence_threshold=0.5)
    assert result.selected.shape == (0,)


def test_classes_that_cannot_be_in_a_background_do_not_count(classifier: TrainedClassifier) -> None:
    """An inpainted image of a cat has lost its cat, and never had a dog."""
    image = np.zeros((8, 8, 3), np.uint8)
    candidates = [
        (number, Candidate(image, possible=possible)) for number, possible in enumerate([("cat",), ("dog",), None])
    ]
    table = np.array([[0.9, 0.2]] * 3, np.float32)
    for possible_of, selected in (({1: "dog", 2: "cat"}, [True, False, False]), (None, [False, False, False])):
        with patch.object(classifier_module, "classify", return_value=(table, None)):
            result = selection.judge(
                candidates, classifier, None, keep=1, two_step=True, presence_threshold=0.5, possible_of=possible_of
            )
        assert result.selected.tolist() == selected
    assert result.present.probs.tolist() == pytest.approx([0.9] * 3)
