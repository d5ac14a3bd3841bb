"""Answers that are kept come back as they were; what was damaged is asked for again."""

from pathlib import Path

import numpy as np

from empaste.backgrounds.answers import count_answers, keep_answer, kept_answer
from empaste.backgrounds.painting import Item, Outcome

ITEM = Item(0, 7, "a gate", (0, 1, 0, 0))


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (9, 7, 3)).astype(np.uint8)
    folder = tmp_path / "kept"
    assert (kept_answer(folder, ITEM), count_answers(folder)) == (None, 0)
    keep_answer(folder, ITEM, Outcome(image, 3, 1))
    found = kept_answer(folder, ITEM)
    assert found is not None
    np.testing.assert_array_equal(found.image, image)
    assert found[1:] == (3, 1, "")
    assert count_answers(folder) == 1
    assert kept_answer(folder, ITEM._replace(key=(0, 1, 0, 1))) is None


def test_a_damaged_answer_is_none(tmp_path: Path) -> None:
    keep_answer(tmp_path, ITEM, Outcome(np.zeros((9, 7, 3), np.uint8), 1))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:90] + bytes([whole[90] ^ 1]) + whole[91:]):
        file.write_bytes(damaged)
        assert kept_answer(tmp_path, ITEM) is None
