"""Labels are doubted where features that a classifier has not learned from contradict them."""

import numpy as np

from empaste.inspection.labels import contradicted, judge_labels, reduce_features


def clouds(num: int, dims: int = 6, apart: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """``num`` features around each of three corners, and the label of each corner."""
    rng = np.random.default_rng(0)
    corners = np.repeat(np.arange(3), num)
    features = rng.normal(0, 1, (3 * num, dims)) + apart * np.eye(dims)[corners]
    return features.astype(np.float32), np.eye(3, dtype=bool)[corners]


def test_exchanged_labels_are_found_and_no_others() -> None:
    features, labels = clouds(30)
    labels[4], labels[70] = labels[70].copy(), labels[4].copy()
    judged = judge_labels(features, labels)
    assert judged.unjudged == []
    assert {(one.image, one.label, one.is_given) for one in judged.doubts} == {
        (4, 0, False), (4, 2, True), (70, 2, False), (70, 0, True),
    }  # fmt: skip
    assert [one.strength for one in judged.doubts] == sorted((one.strength for one in judged.doubts), reverse=True)


def test_a_second_label_is_nothing_to_doubt() -> None:
    """An image may show two things."""
    features, labels = clouds(30)
    labels[:30, 1] = True
    assert judge_labels(features, labels).doubts == []


def test_right_labels_are_not_doubted_and_the_result_is_the_same_each_time() -> None:
    features, labels = clouds(20)
    assert judge_labels(features, labels) == judge_labels(features, labels) == ([], [])


def test_labels_of_few_images_or_without_meaning_are_not_judged() -> None:
    features, labels = clouds(20)
    few = np.arange(60) < 4
    chance = np.random.default_rng(1).random(60) < 0.3
    judged = judge_labels(features, np.column_stack([labels, few, chance, np.ones(60, bool)]))
    assert judged == ([], [3, 4, 5])
    assert judge_labels(features[:4], labels[:4]).unjudged == [0, 1, 2]


def test_a_doubt_is_as_strong_as_usual_evidence_against() -> None:
    probs = np.array([0.99, 0.97, 0.001, 0.2, 0.01, 0.02, 0.995, 0.93])
    has_label = np.array([True, True, True, True, False, False, False, False])
    assert contradicted(probs, has_label) == [2, 6, 7]  # 0.2 is no more than unsure


def test_features_without_any_difference_are_reduced() -> None:
    assert np.all(reduce_features(np.ones((5, 7), np.float32)) == 0)
