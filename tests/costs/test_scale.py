"""The largest numbers that the settings allow."""

from typing import Any

import pytest

from empaste.costs.scale import most_segments, num_captioned, scale_of
from tests.costs.shipped import COUNTS, params_with, scale_with


def test_what_the_stages_hand_on() -> None:
    changes = {"captions.per_image": 3, "backgrounds.per_caption": 4, "backgrounds.keep_per_caption": 2}
    scale = scale_of(params_with(changes), COUNTS)
    assert (scale.segments, scale.originals, scale.captions) == (150, 10, 30)
    assert (scale.candidates, scale.backgrounds) == (40, 20), "inpaint makes them per image"


def test_painters_make_backgrounds_per_caption() -> None:
    changes = {
        "backgrounds.method": "diffusion", "backgrounds.diffusion.model": "some/model", "captions.fraction": 0.5,
    }  # fmt: skip
    scale = scale_of(params_with(changes), COUNTS)
    assert (scale.captions, scale.candidates, scale.backgrounds) == (10, 20, 10)


def test_without_backgrounds_none_is_made() -> None:
    scale = scale_of(params_with({"backgrounds.method": "none"}), COUNTS)
    assert (scale.candidates, scale.backgrounds) == (0, 0)


def test_at_least_one_image_is_captioned() -> None:
    assert num_captioned(params_with({"captions.fraction": 0.1}), 3) == 1
    assert num_captioned(params_with({"captions.fraction": 0.1}), 118287) == 11829


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({}, 15),
        ({"method": "selective_search"}, 500),
        ({"max_segments": 10}, 10),
        ({"method": "joined", "joined.methods": ["entity_like", "slic"]}, 500),
        ({"method": "joined", "joined.methods": ["entity_like"]}, 15),
    ],
)
def test_segments_per_image(changes: dict[str, Any], most: int) -> None:
    settings = params_with({f"proposals.{key}": value for key, value in changes.items()}).proposals
    assert most_segments(settings) == most


def test_megapixels() -> None:
    assert scale_with().megapixels == 0.002
