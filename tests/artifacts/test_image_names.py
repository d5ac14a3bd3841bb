"""Images are found by the names that other programs give them."""

import unicodedata

from empaste.artifacts.image_names import bare_key, name_key


def test_names_are_compared_as_prepare_writes_them() -> None:
    assert name_key("Sub\\x.y/A.JPG") == "sub__x.y__a"
    assert name_key("COCO_train2014_000000000009.jpg") == "coco_train2014_000000000009"


def test_names_are_compared_in_one_form_of_unicode() -> None:
    assert name_key(unicodedata.normalize("NFD", "Müll/É.png")) == unicodedata.normalize("NFC", "müll__é")


def test_a_key_without_folders() -> None:
    assert bare_key("train__a") == "a"
    assert bare_key("a_b") == "a_b"
