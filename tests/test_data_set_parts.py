"""Parts of a data set, named on the command line."""

import pytest

from empaste.data_set_parts import parse_parts
from empaste.errors import InputError


def test_names_and_patterns() -> None:
    assert parse_parts(["voc=[!1]*", "a=b=c"]) == {"voc": "[!1]*", "a": "b=c"}


@pytest.mark.parametrize("wrong", ["voc", "=x", "voc=", "all=x"])
def test_another_form_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match=r"--part is '.*'; write a name \(not all\), = and a pattern"):
        parse_parts([wrong])
