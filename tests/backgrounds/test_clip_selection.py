"""CLIP scores by a tiny real model, and who is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.backgrounds.clip_selection import ClipScores, best_of, clip_scores, load_clip
from empaste.errors import InputError
from tests.hostile import save_harmful
from tests.tiny_models import save_clip


def test_scores_are_cosines_of_each_pair(tiny_clip: str) -> None:
    clip = load_clip(tiny_clip, ["dog", "sofa"], torch.device("cpu"))
    images = list(np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8))
    prompts = ["a tree", "a gate on a hill", "water"]
    scores = clip_scores(clip, images, prompts, batch_size=2)
    for values in scores:
        assert values.shape == (3,)
        assert (np.abs(values) <= 1).all()
        assert np.ptp(values) > 0
    alone = [clip_scores(clip, [image], [prompt], 1) for image, prompt in zip(images, prompts, strict=True)]
    np.testing.assert_allclose(scores.prompt, [one.prompt[0] for one in alone], atol=1e-5)
    assert clip_scores(clip, [], [], 2).prompt.shape == (0,)


def test_the_target_score_is_the_likest_class(tiny_clip: str) -> None:
    images = list(np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8))
    both, dog, sofa = (
        clip_scores(load_clip(tiny_clip, names, torch.device("cpu")), images, [""] * 3, 3).target
        for names in (["dog", "sofa"], ["dog"], ["sofa"])
    )
    np.testing.assert_allclose(both, np.maximum(dog, sofa), atol=1e-6)


def test_any_caption_is_scored(tiny_clip: str) -> None:
    clip = load_clip(tiny_clip, ["dog"], torch.device("cpu"))
    images = [np.full((9, 9, 3), 77, np.uint8)] * 3
    assert np.isfinite(clip_scores(clip, images, ["", "x" * 2000, "🐶 犬"], 2).prompt).all()


@pytest.mark.parametrize(
    "model", ["ViT-B-32@no_such_weights", "no-such-model", "local-dir:/no/such/folder", "hf-hub:nobody/nothing"]
)
def test_a_missing_model_is_named(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=rf"clip_model is '{model}', which is not to be had .*to choose without CLIP"):
        load_clip(model, ["dog"], torch.device("cpu"))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(InputError, match=r"uv pip install -e '\.\[generative\]'"):
        load_clip("ViT-B-32", ["dog"], torch.device("cpu"))


def scores_of(prompt: object, target: object = None) -> ClipScores:
    values = np.array(prompt, float)
    return ClipScores(values, np.full(len(values), np.nan) if target is None else np.array(target, float))


def test_by_caption_the_best_eligible_are_kept() -> None:
    scores = scores_of([0.1, 0.9, 0.5, 0.5, np.nan])
    everyone = np.ones(5, bool)
    assert best_of(scores, everyone, 2, False).tolist() == [False, True, True, False, False]
    eligible = np.array([True, False, False, True, True])
    assert best_of(scores, eligible, 2, False).tolist() == [True, False, False, True, False]
    assert best_of(scores_of([np.nan] * 3), np.array([False, True, True]), 1, False).tolist() == [False, True, False]
    assert best_of(scores_of([]), np.zeros(0, bool), 3, False).tolist() == []


def test_in_two_steps_what_is_like_a_class_goes_first() -> None:
    everyone = np.ones(10, bool)
    # By caption the last five would stay. The three likest to a class are 7, 8 and 9.
    scores = scores_of(np.arange(10) / 10, [0, 0, 0, 0, 0, 0, 0, 1, 2, 3])
    assert np.flatnonzero(best_of(scores, everyone, 5, False)).tolist() == [5, 6, 7, 8, 9]
    assert np.flatnonzero(best_of(scores, everyone, 5, True)).tolist() == [2, 3, 4, 5, 6]
    # Of many, twice as many as wanted are left by the first step, as in the released code.
    scores = scores_of(np.arange(10) / 10, np.arange(10))
    assert np.flatnonzero(best_of(scores, everyone, 1, True)).tolist() == [1]
    # Of two one stays, the one less like a class, whatever the caption says.
    assert best_of(scores_of([0.1, 0.9], [0.2, 0.3]), np.ones(2, bool), 1, True).tolist() == [True, False]


def test_without_a_score_for_captions_the_least_like_a_class_are_kept() -> None:
    scores = scores_of([np.nan] * 6, [0.5, 0.1, 0.4, 0.2, 0.3, 0.6])
    assert np.flatnonzero(best_of(scores, np.ones(6, bool), 2, True)).tolist() == [1, 3]
    assert np.flatnonzero(best_of(scores, np.ones(6, bool), 2, False)).tolist() == [0, 1]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.booleans()), max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
def test_as_many_as_can_be_are_kept_and_no_better_one_is_left_out(
    rows: list[tuple[float, float, bool]], keep: int, two_step: bool
) -> None:
    scores = scores_of([row[0] for row in rows], [row[1] for row in rows])
    eligible = np.array([row[2] for row in rows], bool)
    kept = best_of(scores, eligible, keep, two_step)
    assert kept.sum() == min(keep, eligible.sum())
    assert not (kept & ~eligible).any()
    left = eligible & ~kept
    if kept.any() and left.any():
        # Worse by the caption, or at least as much like a class as everything kept.
        by_caption = scores.prompt[left] <= scores.prompt[kept].min()
        assert (by_caption | (two_step & (scores.target[left] >= scores.target[kept].max()))).all()


def test_code_in_weights_does_not_run(tmp_path: Path) -> None:
    (save_clip(tmp_path) / "open_clip_model.safetensors").unlink()
    save_harmful(tmp_path / "open_clip_pytorch_model.bin", tmp_path / "ran")
    with pytest.raises(InputError, match=r"which is not to be had \(Weights only load failed"):
        load_clip(f"local-dir:{tmp_path}", ["dog"], torch.device("cpu"))
    assert not (tmp_path / "ran").exists()
