"""The suite checks types and shapes at every call."""

from typing import Any

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from empaste.devices import limit_threads
from empaste.masks import encode_mask


@pytest.mark.parametrize("mask", [np.zeros(3, bool), np.zeros((3, 4, 1), bool), np.zeros((3, 4))])
def test_an_array_of_another_shape_or_kind_is_no_mask(mask: np.ndarray) -> None:
    with pytest.raises(TypeCheckError, match="encode_mask"):
        encode_mask(mask)


def test_a_value_of_another_type_is_refused() -> None:
    threads: Any = "2"
    with pytest.raises(TypeCheckError, match="limit_threads"):
        limit_threads(threads)
