"""Images are found by the names that other programs give them."""

from empaste.artifacts.image_names import match_bare_keys, name_key


def test_names_are_compared_as_prepare_writes_them() -> None:
    assert name_key("Sub\\x.y/A.JPG") == "sub__x.y__a"
    assert name_key("COCO_train2014_000000000009.jpg") == "coco_train2014_000000000009"


def test_folders_do_not_count_where_only_one_image_has_the_name() -> None:
    assert match_bare_keys(["train__a", "b"], ["a", "val__b", "c"]) == {"train__a": "a", "b": "val__b"}


def test_what_two_are_called_means_none_of_them() -> None:
    assert match_bare_keys(["x__a", "y__a", "b"], ["a", "one__b", "two__b"]) == {}
