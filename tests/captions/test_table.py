"""The table of captions, and what its metrics say."""

from pathlib import Path

import pytest

from empaste.captions.scenes import Scene
from empaste.captions.substitution import build_rules
from empaste.captions.table import caption_metrics, caption_table, warnings
from empaste.errors import InputError

DOG, CAT = ("dog", "animal"), ("cat", "animal")
RULES = build_rules([DOG, CAT, ("sofa", "furniture")])
SCENES = [
    Scene(3, Path("a"), (DOG, CAT)),
    Scene(5, Path("b"), (CAT,)),
    Scene(9, Path("c"), ()),
    Scene(11, Path("d"), (DOG,)),
]
TEXTS = [["two dogs and a puppy", ""], ["a hot dog", "a hill"], ["草地"], []]


def test_a_row_per_caption_that_is_not_empty() -> None:
    table = caption_table(SCENES, TEXTS, RULES, 0)
    assert table["caption_id"].tolist() == [0, 1, 2, 3]
    assert table["image_id"].tolist() == [3, 5, 5, 9]
    assert table["text"].tolist() == ["two dogs and a puppy", "a hot dog", "a hill", "草地"]
    assert table["substituted"].tolist()[2:] == ["a hill", "草地"]
    assert not table["substituted"].str.contains("dog|puppy").any()
    alone = caption_table(SCENES[1:2], TEXTS[1:2], RULES, 0)
    assert alone["substituted"].tolist() == table["substituted"].tolist()[1:3]
    assert caption_table(SCENES[1:2], [["", "a hot dog"]], RULES, 0)["text"].tolist() == ["a hot dog"]


def test_metrics_count_words_and_labels() -> None:
    metrics = caption_metrics(caption_table(SCENES, TEXTS, RULES, 0), SCENES, TEXTS, RULES)
    assert metrics == {
        "images": 3,
        "images_without_captions": 1,
        "captions": 4,
        "empty_captions": 1,
        "words_per_caption": 2.75,
        "without_latin_letters": 1,
        "substituted": 50.0,
        "labels_named": 33.33,
        "labels_named_per_class": {"dog": 100.0, "cat": 0.0, "sofa": None},
        "substituted_words": {"of_classes": {"dog": 2, "cat": 0, "sofa": 0}, "of_compounds": 1},
    }
    said = list(warnings(metrics))
    assert len(said) == 3
    assert "1 of 4 captions hold no Latin letter" in said[0]
    assert "captions.synonyms" in said[0]
    assert "1 captions came out empty" in said[1]
    assert "no caption names cat, which labels do" in said[2]


def test_no_caption_at_all() -> None:
    with pytest.raises(InputError, match=r"all captions of 2 images are empty; choose another captions\.model"):
        caption_table(SCENES[:2], [[""], []], RULES, 0)
