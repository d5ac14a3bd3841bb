"""Presence first, then the best of each caption."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts import classifier as classifier_module
from empaste.artifacts.classifier import TrainedClassifier, load_classifier
from empaste.backgrounds import selection
from empaste.backgrounds.clip_selection import Clip
from empaste.backgrounds.making import summarise, write_selected
from empaste.backgrounds.scenes import Candidate, Made, Scene
from empaste.images import read_rgb


@pytest.fixture
def classifier(tmp_path: Path) -> TrainedClassifier:
    from tests.tiny_models import save_tiny_classifier

    return load_classifier(save_tiny_classifier(tmp_path / "classifier", ("dog", "cat")))


def candidates_of(captions: list[tuple[int, int]]) -> list[tuple[int, Candidate]]:
    image = np.zeros((8, 8, 3), np.uint8)
    return [(image_id, Candidate(image, caption_id, "a gate")) for image_id, caption_id in captions]


def judged(
    classifier: TrainedClassifier, captions: list[tuple[int, int]], probs: list[float], scores: list[float] | None
) -> selection.Judged:
    table = np.array([[prob, 0.0] for prob in probs], np.float32).reshape(-1, 2)
    clip = None if scores is None else Clip(None, None, None)
    with (
        patch.object(classifier_module, "classify", return_value=(table, None)),
        patch.object(selection, "clip_scores", return_value=np.array(scores or [])),
    ):
        return selection.judge(candidates_of(captions), classifier, clip, keep=1, presence_threshold=0.5)


def test_the_best_without_an_object_is_kept_per_caption(classifier: TrainedClassifier) -> None:
    captions = [(1, 10), (1, 10), (1, 10), (1, 11), (2, 12)]
    result = judged(classifier, captions, [0.9, 0.1, 0.2, 0.1, 0.8], [0.9, 0.3, 0.4, 0.1, 0.9])
    assert result.selected.tolist() == [False, False, True, True, False]


def test_without_clip_the_first_without_an_object_is_kept_per_image(classifier: TrainedClassifier) -> None:
    result = judged(classifier, [(1, -1), (1, -1), (2, -1), (2, -1)], [0.9, 0.1, 0.2, 0.1], None)
    assert result.selected.tolist() == [False, True, True, False]
    assert np.isnan(result.scores).all()


def test_nothing_to_judge(classifier: TrainedClassifier) -> None:
    assert selection.judge([], classifier, None, keep=1, presence_threshold=0.5).selected.shape == (0,)


def test_rows_files_and_tally_agree(classifier: TrainedClassifier, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = [
        (Scene(number, Path("x"), 9, 7), Made([Candidate(rng.integers(0, 255, (9, 7, 3), np.uint8)) for _ in range(3)]))
        for number in range(1, 41)
    ] + [(Scene(41, Path("x"), 9, 7), Made(has_context=False)), (Scene(42, Path("x"), 9, 7), Made(num_blank=2))]
    rows, tally, per_class = write_selected(made, classifier, None, tmp_path, keep=2, presence_threshold=0.5)
    table = pd.DataFrame(rows)
    assert table["background_id"].tolist() == list(range(120))
    chosen = table[table["selected"]]
    assert {path.name for path in (tmp_path / "images").iterdir()} == {Path(name).name for name in chosen["file_name"]}
    assert read_rgb(tmp_path / chosen["file_name"].iloc[0]).shape == (9, 7, 3)
    shows = table["presence_prob"] > 0.5
    assert not (shows & table["selected"]).any()
    result = summarise(table, tally, {"dog": per_class[1], "cat": per_class[2]})
    assert result["candidates"] == 120
    assert result["selected"] == len(chosen)
    assert result["dropped_by_presence"] == shows.sum()
    assert result["dropped_as_surplus"] == 120 - len(chosen) - shows.sum()
    assert (result["skipped_without_context"], result["blank"], result["dropped_by_clip"]) == (1, 2, 0)
    assert result["mean_clip_score_selected"] is None
    assert max(result["dropped_per_class"].values()) <= shows.sum() <= sum(result["dropped_per_class"].values())
