"""Parts of a data set, named on the command line."""

import pytest

from empaste.data_set_parts import find_parts, parse_parts
from empaste.errors import InputError


def test_names_and_patterns() -> None:
    assert parse_parts(["voc=[!1]*", "a=b=c"]) == {"voc": "[!1]*", "a": "b=c"}


@pytest.mark.parametrize("wrong", ["voc", "=x", "voc=", "all=x"])
def test_another_form_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match=r"--part is '.*'; write a name \(not all\), = and a pattern"):
        parse_parts([wrong])


def test_a_part_holds_the_file_names_that_fit() -> None:
    names = ["voc_1.jpg", "VOC_2.jpg", "other.jpg"]
    assert find_parts(names, {"voc": "voc_*", "jpg": "*.jpg"}) == {"voc": {"voc_1.jpg"}, "jpg": set(names)}


def test_a_part_that_nothing_fits_is_refused() -> None:
    said = r"none of the 2 images to measure has a file name that fits 'x\*' of --part b=x\*; correct it"
    with pytest.raises(InputError, match=said):
        find_parts(["a.jpg", "b.jpg"], {"a": "a*", "b": "x*"})
