"""What all backends have in common."""

import pytest

from empaste.detectors.backend import anchor_sides


@pytest.mark.parametrize(("image_size", "finest"), [(2048, 64), (1024, 32), (768, 24), (512, 16), (144, 16)])
def test_anchors_grow_with_the_image_but_are_no_smaller_than_four_strides(image_size: int, finest: int) -> None:
    assert anchor_sides(image_size) == [finest * 2**level for level in range(5)]
