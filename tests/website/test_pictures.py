"""The pictures of the method are small enough for a page, and those that it shows."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empaste.errors import InputError
from website.pictures import MAX_BYTES, ROWS, WIDTH, shrink

ROOT = Path(__file__).parents[2]


def noise(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8))


def test_a_picture_keeps_its_form_and_gets_small() -> None:
    small = shrink(noise(60, 400).resize((2200, 330)))
    assert len(small) <= MAX_BYTES
    assert Image.open(io.BytesIO(small)).size == (WIDTH, 165)


def test_a_picture_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="has over 150,000 bytes; give it fewer rows"):
        shrink(noise(1100, 1100))


def test_the_page_shows_the_pictures_that_are_made() -> None:
    text = (ROOT / "docs/method.md").read_text()
    for name in ROWS:
        path = f"assets/method_{name}.jpg"
        assert f"({path})" in text
        assert (ROOT / "docs" / path).stat().st_size <= MAX_BYTES
