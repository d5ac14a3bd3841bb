"""CLIP scores by a tiny real model, and who is kept."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.backgrounds.clip_selection import best_of, clip_scores, load_clip
from empaste.errors import InputError


def test_scores_are_cosines_of_each_pair(tiny_clip: str) -> None:
    clip = load_clip(tiny_clip, torch.device("cpu"))
    images = list(np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8))
    prompts = ["a tree", "a gate on a hill", "water"]
    scores = clip_scores(clip, images, prompts, batch_size=2)
    assert scores.shape == (3,) and (np.abs(scores) <= 1).all() and np.ptp(scores) > 0
    alone = [clip_scores(clip, [image], [prompt], 1)[0] for image, prompt in zip(images, prompts, strict=True)]
    np.testing.assert_allclose(scores, alone, atol=1e-5)
    assert clip_scores(clip, [], [], 2).shape == (0,)


@pytest.mark.parametrize(
    "model", ["ViT-B-32@no_such_weights", "no-such-model", "local-dir:/no/such/folder", "hf-hub:nobody/nothing"]
)
def test_a_missing_model_is_named(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=rf"clip_model is '{model}', which is not to be had .*null to keep the first"):
        load_clip(model, torch.device("cpu"))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(InputError, match=r"pip install 'empaste\[generative\]'"):
        load_clip("ViT-B-32", torch.device("cpu"))


def test_the_best_eligible_are_kept() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.5, np.nan])
    everyone = np.ones(5, bool)
    assert best_of(scores, everyone, 2).tolist() == [False, True, True, False, False]
    assert best_of(scores, np.array([True, False, False, True, True]), 2).tolist() == [True, False, False, True, False]
    assert best_of(np.full(3, np.nan), np.array([False, True, True]), 1).tolist() == [False, True, False]
    assert best_of(np.zeros(0), np.zeros(0, bool), 3).tolist() == []


@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=12), st.integers(1, 5))
def test_no_left_out_candidate_beats_a_kept_one(rows: list[tuple[float, bool]], keep: int) -> None:
    scores, eligible = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], bool)
    kept = best_of(scores, eligible, keep)
    assert kept.sum() == min(keep, eligible.sum()) and not (kept & ~eligible).any()
    if kept.any() and (eligible & ~kept).any():
        assert scores[kept].min() >= scores[eligible & ~kept].max()
