"""Words are drawn from the nucleus, each row by its own generator."""

import pytest

from empaste.captions.sampling import RowwiseSampling, nucleus, pick
from empaste.errors import InputError

torch = pytest.importorskip("torch")


def test_the_nucleus_is_the_smallest_set_that_holds_the_share() -> None:
    scores = torch.log(torch.tensor([[0.5, 0.1, 0.3, 0.1]]))
    assert torch.isfinite(nucleus(scores, 0.7)).tolist() == [[True, False, True, False]]
    assert torch.isfinite(nucleus(scores, 0.4)).tolist() == [[True, False, False, False]]
    assert torch.isfinite(nucleus(scores, 1.0)).all()


def test_a_share_picks_the_word_that_it_falls_on() -> None:
    probs = torch.tensor([[0.25, 0.0, 0.5, 0.25]]).repeat(6, 1)
    share = torch.tensor([0.0, 0.2, 0.25, 0.7, 0.8, 0.9999999])
    assert pick(probs, share).tolist() == [0, 0, 2, 2, 3, 3]


def test_words_come_as_often_as_the_model_says() -> None:
    scores = torch.log(torch.tensor([[0.6, 0.0, 0.4]])).repeat(4000, 1)
    drawn = RowwiseSampling([(row,) for row in range(4000)], 1.0)(torch.zeros(4000, 1), scores)
    assert torch.isfinite(drawn).sum(1).eq(1).all()
    assert (drawn.argmax(1) == 2).float().mean().item() == pytest.approx(0.4, abs=0.03)
    assert not (drawn.argmax(1) == 1).any()


def test_rows_do_not_depend_on_each_other() -> None:
    scores = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    together, alone = RowwiseSampling([(1,), (2,), (3,)], 0.9), RowwiseSampling([(2,)], 0.9)
    for _ in range(4):
        both = together(torch.zeros(3, 1), scores).argmax(1)[1]
        assert both == alone(torch.zeros(1, 1), scores[1:2]).argmax(1)[0]


def test_numbers_that_overflow_are_said() -> None:
    scores = torch.full((1, 3), torch.nan, dtype=torch.float16)
    with pytest.raises(InputError, match=r"overflow in float16; set captions\.dtype to bfloat16, or float32"):
        RowwiseSampling([(0,)], 0.9)(torch.zeros(1, 1), scores)
