"""Annotations are exactly what is visible."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.paste import BLENDINGS, PLACEMENTS
from empaste.paste.compose import Composite, compose
from empaste.paste.cutouts import cut_out_own
from empaste.paste.pool import Background
from tests.paste.scenes import RECIPE, blob, colour_of, paint, pool_of


def shown(composite: Composite) -> dict[int, np.ndarray]:
    """The pixels of each foreground, by the colours of the image alone."""
    ids = {annotation["segment_id"] for annotation in composite.annotations}
    return {source_id: (composite.image == colour_of(source_id)).all(axis=2) for source_id in ids}


def annotated(composite: Composite) -> dict[int, np.ndarray]:
    """The same by the annotations; a foreground that is there several times counts as one."""
    masks: dict[int, np.ndarray] = {}
    for annotation in composite.annotations:
        mask = decode_mask(annotation["segmentation"])
        masks[annotation["segment_id"]] = masks.get(annotation["segment_id"], np.zeros_like(mask)) | mask
    return masks


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_own=st.integers(1, 4),
    placement=st.sampled_from(["random", "space_maximize"]),
    scale=st.sampled_from([(0.1, 0.4), (0.6, 1.0), (1.0, 3.0)]),
    rotation=st.sampled_from([0.0, 30.0, 180.0]),
)
def test_annotations_are_the_colours_of_the_image(
    seed: int, num_own: int, placement: str, scale: tuple[float, float], rotation: float
) -> None:
    rng = np.random.default_rng(seed)
    size_hw = int(rng.integers(12, 60)), int(rng.integers(12, 60))
    with tempfile.TemporaryDirectory() as folder:
        first = paint(Path(folder) / "1.png", 1, [blob(rng, size_hw) for _ in range(num_own)])
        other = paint(Path(folder) / "2.png", 2, [blob(rng, (40, 50))])
        recipe = replace(RECIPE, placement=placement, scale=scale, rotation=rotation, seed=seed)
        composite = compose(first, pool_of(Path(folder) / "pool", [first, other]), recipe)
    truth, masks = shown(composite), annotated(composite)
    # A cutout of the original itself shows what lay on it, so its colours are not its own alone; the second's are.
    if num_own == 1:
        assert all(np.array_equal(truth[key], masks[key]) for key in masks)
    total = np.zeros(size_hw, int)
    for annotation in composite.annotations:
        mask = decode_mask(annotation["segmentation"])
        total += mask
        assert annotation["area"] == mask.sum() > 0
        assert annotation["bbox"] == list(mask_box_xywh(mask))
    assert total.max(initial=0) <= 1
    assert np.array_equal(total.astype(bool), composite.image.any(axis=2))
