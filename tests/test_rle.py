"""Run-length encodings: many texts together are judged as a reader of one character at a time would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from empaste.masks import encode_mask
from empaste.rle import are_sound, first_unsound, is_rle, run_lengths

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def read_slowly(counts: str) -> list[int]:
    """The lengths of the runs, one character after the other; -1 stands for what is none."""
    runs: list[int] = []
    value, shift = 0, 0
    for letter in counts:
        part = ord(letter) - 48
        if not 0 <= part < 64 or shift > 40:
            return [-1]
        value |= (part & 0x1F) << shift
        shift += 5
        if not part & 0x20:
            value -= (1 << shift) if part & 0x10 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    return [*runs, -1] if shift else runs


@given(st.lists(MASKS, max_size=6), st.data())
@settings(deadline=None)
def test_sound_is_what_fills_its_size(masks: list[np.ndarray], data: st.DataObject) -> None:
    """Whatever happens to the text, many masks together are judged as one by one, run after run."""
    rles = [encode_mask(mask) for mask in masks]
    assert are_sound(rles).tolist() == [True] * len(masks)
    assert [run_lengths(rle["counts"]) for rle in rles] == [read_slowly(rle["counts"]) for rle in rles]
    letters = st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=3)
    for rle in rles:
        text, at = rle["counts"], data.draw(st.integers(0, len(rle["counts"])))
        rle["counts"] = text[:at] + data.draw(letters) + text[at + data.draw(st.integers(0, 2)) :]
    each = [read_slowly(rle["counts"]) for rle in rles]
    filled = [min(runs, default=0) >= 0 and sum(runs) == rle["size"][0] * rle["size"][1]
              for runs, rle in zip(each, rles, strict=True)]  # fmt: skip
    assert are_sound(rles).tolist() == filled


@pytest.mark.parametrize("counts", ["o" * 40, "`" * 30 + "0", "ü0", "0" * 5000, "oooooooooooo0"])
def test_texts_that_are_no_runs_are_not_sound(counts: str) -> None:
    assert are_sound([{"size": [3, 4], "counts": counts}]).tolist() == [False]


def test_a_character_outside_ascii_stands_for_no_run() -> None:
    """A question mark would be a run of 15 pixels."""
    assert run_lengths("?0") == [15, 0]
    assert are_sound([{"size": [3, 5], "counts": text} for text in ("?0", "ü0", "€0", "\ud8000")]).tolist() == [
        True, False, False, False
    ]  # fmt: skip


def test_the_form_is_looked_at_before_the_runs() -> None:
    sound, unsound = {"size": [3, 5], "counts": "?0"}, {"size": [3, 4], "counts": "?0"}
    assert is_rle(unsound)
    assert not is_rle({"size": [3, 5.0], "counts": "?0"})
    assert not is_rle([[0, 0, 1, 1]])
    assert first_unsound([sound, unsound, "?0"]) == 2
    assert first_unsound([sound, unsound]) == 1
    assert first_unsound([sound]) is first_unsound([]) is None
