"""What the classifier sees in a background."""

import numpy as np

from empaste.backgrounds.presence import presence, shown_per_class

PROBS = np.array([[0.2, 0.6, 0.9], [0.5, 0.5, 0.1], [0.1, 0.0, 0.2]], np.float32)


def test_the_likeliest_class_and_whether_it_shows() -> None:
    found = presence(PROBS, (4, 7, 9), 0.5)
    assert found.class_ids.tolist() == [9, 4, 9]
    np.testing.assert_allclose(found.probs, [0.9, 0.5, 0.2], rtol=1e-6)
    assert found.shows.tolist() == [True, False, False]  # 0.5 is not above 0.5


def test_a_background_counts_for_each_class_that_shows() -> None:
    assert shown_per_class(PROBS, (4, 7, 9), 0.5) == {4: 0, 7: 1, 9: 1}
    assert shown_per_class(np.zeros((0, 2), np.float32), (1, 2), 0.5) == {1: 0, 2: 0}
    assert presence(np.zeros((0, 2), np.float32), (1, 2), 0.5).shows.shape == (0,)
