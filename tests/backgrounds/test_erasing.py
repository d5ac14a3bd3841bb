"""Which segments are erased, and in what order."""

import numpy as np
import pandas as pd

from empaste.backgrounds.erasing import own_class_prob, segments_to_erase

LABELS = pd.DataFrame({"image_id": [1, 1, 2, 3], "class_id": [5, 7, 7, 5]})
SEGMENTS = pd.DataFrame(
    [(0, 1, "a", 10), (1, 1, "b", 10), (2, 1, "c", 40), (3, 2, "d", 10), (4, 2, "e", 10), (5, 4, "f", 10)],
    columns=["segment_id", "image_id", "counts", "area"],
).assign(height=10, width=10)
PROBS = np.array([[0.6, 0.1], [0.2, 0.9], [0.9, 0.9], [0.9, 0.4], [0.1, 0.6], [0.9, 0.9]], np.float32)


def test_only_the_images_own_classes_count() -> None:
    probs = own_class_prob(SEGMENTS["image_id"], PROBS, [5, 7], LABELS)
    np.testing.assert_allclose(probs, [0.6, 0.9, 0.9, 0.4, 0.6, 0.0])


def test_many_rows_are_looked_up_at_once() -> None:
    """As one row after the other is: images in any order, some without a label, an index that counts nothing."""
    rng = np.random.default_rng(0)
    image_ids = pd.Series(rng.integers(0, 2_000, 5_000), index=rng.permutation(5_000))
    probs = rng.random((5_000, 20), np.float32)
    labels = pd.DataFrame({"image_id": rng.integers(0, 2_000, 3_000), "class_id": rng.integers(0, 20, 3_000)})
    labels = labels.drop_duplicates()
    by_image = labels.groupby("image_id")["class_id"].agg(list).to_dict()
    expected = [
        max((float(probs[row, k]) for k in by_image.get(one, [])), default=0) for row, one in enumerate(image_ids)
    ]
    assert own_class_prob(image_ids, probs, range(20), labels).tolist() == expected


def test_likeliest_first_and_the_place_stays() -> None:
    erased = segments_to_erase(SEGMENTS, PROBS, [5, 7], LABELS, SEGMENTS.iloc[:0], 0.5)
    assert erased == {1: ("b", "a"), 2: ("e",)}


def test_what_was_chosen_comes_first_whatever_it_covers_or_shows() -> None:
    chosen = SEGMENTS.iloc[[2, 3]]
    erased = segments_to_erase(SEGMENTS, PROBS, [5, 7], LABELS, chosen, 0.5)
    assert erased == {1: ("c", "b", "a"), 2: ("d", "e")}
    assert segments_to_erase(SEGMENTS, PROBS, [5, 7], LABELS, chosen, 1.0) == {1: ("c",), 2: ("d",)}
