"""Plurals by rule and by list, and the way back."""

import pytest

from empaste.captions.inflection import forms, is_plural_only, packaged_words, plural, singulars

PLURALS = {
    "person": "persons", "man": "men", "police officer": "police officers", "policeman": "policemen", "human": "humans",
    "goose": "geese", "knife": "knives", "butter knife": "butter knives", "sheep": "sheep", "bus": "buses",
    "box": "boxes",
    "couch": "couches", "dish": "dishes", "puppy": "puppies", "donkey": "donkeys", "mouse": "mice",
    "computer mouse": "computer mice",
    "ox": "oxen", "potato": "potatoes", "piano": "pianos", "kangaroo": "kangaroos", "wine glass": "wine glasses",
    "glass of wine": "glasses of wine", "bird of prey": "birds of prey", "scissors": "scissors", "gloves": "gloves",
    "scarf": "scarves", "T-shirt": "T-shirts", "UFO": "UFOs", "Person": "Persons", "TV": "TVs", "chef": "chefs",
}  # fmt: skip


@pytest.mark.parametrize(("one", "many"), PLURALS.items())
def test_plural(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("cars", "car"), ("men", "man"), ("women", "woman"), ("geese", "goose"), ("puppies", "puppy"),
        ("buses", "bus"), ("horses", "horse"), ("knives", "knife"), ("garden gnomes", "garden gnome"), ("boxes", "box"),
        ("shoes", "shoe"), ("ties", "tie"), ("tvs", "tv"), ("mice", "mouse"), ("firemen", "fireman"),
        ("persons", "person"),
        ("cookies", "cookie"),
    ],
)  # fmt: skip
def test_singulars(many: str, one: str) -> None:
    assert one in singulars(many)


@pytest.mark.parametrize("word", ["people", "scissors", "bus", "glass", "tennis", "dog", "狗", "sheep"])
def test_what_is_no_plural(word: str) -> None:
    assert singulars(word) == []


def test_every_class_of_the_tables_comes_back_from_its_plural() -> None:
    """It is how a class that is named in the plural finds its synonyms."""
    names = [name for classes in packaged_words()["classes"].values() for name in classes if plural(name) != name]
    assert [name for name in names if name not in singulars(plural(name))] == ["baseball glove"]  # gloves come in pairs


def test_forms_say_whether_they_name_several() -> None:
    assert forms("dog") == {"dog": False, "dogs": True}
    assert forms("sheep") == {"sheep": None, "sheeps": True}
    assert forms("knife") == {"knife": False, "knifes": True, "knives": True}
    assert forms("people") == {"people": True, "peoples": True}
    assert forms("scissors") == {"scissors": True}
    assert forms("glass of wine") == {"glass of wine": False, "glass of wines": True, "glasses of wine": True}
    assert forms("🐕") == {"🐕": None}
    assert forms("狗") == {"狗": None}


def test_pairs_have_no_singular() -> None:
    assert is_plural_only("red gloves")
    assert is_plural_only("scissors")
    assert not is_plural_only("pair of scissors")
