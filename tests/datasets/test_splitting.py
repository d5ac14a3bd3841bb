"""Splits that are drawn: an image keeps its own whatever else there is."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import drawn_splits, splits_by_seed
from empaste.errors import InputError
from tests.datasets.layouts import settings_of

HERE = Path("labels.csv")
NAMES = st.lists(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=12), min_size=2, unique=True)
SHARES = st.floats(0.01, 0.99)
SHIPPED = settings_of(None)


def drawn_by(seed: int, share: float) -> PrepareSettings:
    return SHIPPED.model_copy(update={"seed": seed, "val_fraction": share})


@given(names=NAMES, added=NAMES, seed=st.integers(0, 9), share=SHARES)
@settings(deadline=None)
def test_an_image_keeps_its_split_when_others_come(names: list[str], added: list[str], seed: int, share: float) -> None:
    few = splits_by_seed(names, drawn_by(seed, share), HERE)
    many = splits_by_seed([*added, *names], drawn_by(seed, share), HERE)
    moved = [name for name in few if few[name] != many[name]]
    # Of the few, all may have been drawn for one side: then one had to go to the other.
    assert len(moved) <= 1
    assert all(list(few.values()).count(few[name]) == 1 for name in moved)


@given(names=NAMES, seed=st.integers(0, 9), share=SHARES)
@settings(deadline=None)
def test_both_splits_have_an_image_and_the_order_of_names_does_not_matter(
    names: list[str], seed: int, share: float
) -> None:
    chosen = drawn_by(seed, share)
    splits = splits_by_seed(names, chosen, HERE)
    assert set(splits.values()) == {"train", "val"}
    assert splits_by_seed([*names[::-1], names[0]], chosen, HERE) == splits


@given(names=NAMES, shares=st.tuples(SHARES, SHARES))
@settings(deadline=None)
def test_a_larger_share_only_adds_to_what_validates(names: list[str], shares: tuple[float, float]) -> None:
    less, more = (splits_by_seed(names, drawn_by(0, share), HERE) for share in sorted(shares))
    assert {name for name in names if less[name] == "val"} <= {name for name in names if more[name] == "val"}


def test_the_share_is_what_was_asked_for() -> None:
    names = [f"{number:05}.jpg" for number in range(20_000)]
    for share in (0.1, 0.2, 0.3):
        warnings: list[str] = []
        splits = drawn_splits(names, drawn_by(0, share), HERE, warnings)
        val = list(splits.values()).count("val")
        assert val / len(names) == pytest.approx(share, abs=0.01)
        assert warnings[0].startswith(f"labels.csv has no splits: {val} of 20000 images validate, drawn by")


def test_the_seed_draws_others_and_the_form_of_unicode_none() -> None:
    names = [f"é{number}.jpg" for number in range(200)]
    first, second = (splits_by_seed(names, drawn_by(seed, 0.2), HERE) for seed in (0, 1))
    assert sum(first[name] != second[name] for name in names) > 20
    other = splits_by_seed([unicodedata.normalize("NFD", name) for name in names], drawn_by(0, 0.2), HERE)
    assert list(other.values()).count("val") == list(first.values()).count("val")
    assert all(other[unicodedata.normalize("NFD", name)] == split for name, split in first.items())


def test_one_image_cannot_be_divided() -> None:
    with pytest.raises(InputError, match=r"labels.csv lists 1 image; to train and to validate it takes at least 2"):
        splits_by_seed(["a", "a"], SHIPPED, HERE)
