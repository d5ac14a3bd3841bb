"""The reduction of selective search."""

import numpy as np
import pytest

from empaste.proposals import entity_like, selective_search
from tests.proposals.sources import context_of, section_of

SEARCH = section_of(selective_search.METHOD, scales=[30.0, 150.0], sigma=0.6, min_region=0.002, max_iou=0.5)
# The search's own limit is another one.
CONTEXT = context_of(min_area=0.01, max_extent=1.1, selective_search=SEARCH.model_copy(update={"max_iou": 0.9}))


def propose(image: np.ndarray, num_best: int) -> tuple[np.ndarray, np.ndarray]:
    return entity_like.propose(image, section_of(entity_like.METHOD, num_best=num_best, max_iou=0.5), CONTEXT)


@pytest.mark.parametrize("num_best", [1, 3])
def test_first_of_the_search_at_the_same_limit(disc_image: np.ndarray, num_best: int) -> None:
    masks, scores = propose(disc_image, num_best)
    all_masks, all_scores = selective_search.propose(disc_image, SEARCH, CONTEXT)
    assert len(masks) == min(num_best, len(all_masks))
    assert np.array_equal(masks, all_masks[:num_best])
    assert np.array_equal(scores, all_scores[:num_best])


def test_disc_comes_first(disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    masks, _ = propose(disc_image, 1)
    assert np.count_nonzero(masks[0] & disc_mask) > 0.9 * np.count_nonzero(masks[0] | disc_mask)
