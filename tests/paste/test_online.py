"""Composites as they are asked for: the stage's in epoch 0, others after, the same with any number of workers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from empaste.errors import InputError
from empaste.masks import decode_mask
from empaste.paste.compose import Composite, compose
from empaste.paste.online import OnlineComposites, to_target
from empaste.paste.pool import Canvas, list_canvases
from tests.paste.scenes import SETTINGS, blob, paint, pool_of

SIZE_HW = (40, 50)
NUM_ORIGINALS = 4


@pytest.fixture
def canvases(tmp_path: Path) -> list[Canvas]:
    """Four originals, twice each with pasted foregrounds and once without."""
    rng = np.random.default_rng(3)
    masks = [[blob(rng, SIZE_HW), blob(rng, SIZE_HW)] for _ in range(NUM_ORIGINALS)]
    originals = [paint(tmp_path / f"{k}.png", k, own)._replace(pasted_on=False) for k, own in enumerate(masks, 1)]
    pool_of(tmp_path / "cutouts", originals)
    return list_canvases(originals, [], 2, True)


@pytest.fixture
def online(canvases: list[Canvas], tmp_path: Path) -> OnlineComposites:
    return OnlineComposites(canvases, tmp_path / "cutouts", SETTINGS)


def same(first: Composite, second: Composite) -> bool:
    return np.array_equal(first.image, second.image) and first[1:] == second[1:]


def test_epoch_0_is_what_the_stage_composes(online: OnlineComposites, canvases: list[Canvas]) -> None:
    assert len(online) == len(canvases) == 3 * NUM_ORIGINALS
    assert all(same(online[k], compose(canvas, online.cutouts, SETTINGS)) for k, canvas in enumerate(canvases))


def test_later_epochs_are_the_repeats_that_the_stage_would_add(online: OnlineComposites) -> None:
    more = list_canvases([canvas for canvas in online.canvases if not canvas.pasted_on], [], 6, True)
    online.set_epoch(2)
    expected = [compose(one, online.cutouts, SETTINGS) for one in more if one.pasted_on and one.copy in (4, 5)]
    assert all(same(online[k], one) for k, one in enumerate(expected))
    assert len(expected) == 2 * NUM_ORIGINALS


def test_every_epoch_is_new_and_comes_again(online: OnlineComposites) -> None:
    epochs = []
    for epoch in (0, 1, 0):
        online.set_epoch(epoch)
        epochs.append([online[k] for k in range(len(online))])
    pasted = [k for k, canvas in enumerate(online.canvases) if canvas.pasted_on]
    assert not any(same(epochs[0][k], epochs[1][k]) for k in pasted)
    assert all(same(epochs[0][k], epochs[1][k]) for k in set(range(len(online))) - set(pasted))
    assert all(same(first, again) for first, again in zip(epochs[0], epochs[2], strict=True))


def test_workers_that_live_on_give_what_one_process_gives(online: OnlineComposites) -> None:
    found = {}
    for workers in (0, 2):
        loader = DataLoader(
            online, batch_size=3, collate_fn=list, num_workers=workers, persistent_workers=workers > 0
        )  # fmt: skip
        for epoch in (0, 1):
            online.set_epoch(epoch)
            found[workers, epoch] = [composite for batch in loader for composite in batch]
    for epoch in (0, 1):
        assert all(same(*pair) for pair in zip(found[0, epoch], found[2, epoch], strict=True))
    assert not same(found[2, 0][0], found[2, 1][0])


def test_annotations_are_exactly_what_is_visible(online: OnlineComposites) -> None:
    online.set_epoch(7)
    for k in range(len(online)):
        masks = [decode_mask(one["segmentation"]) for one in online[k].annotations]
        assert masks
        assert (np.sum(masks, axis=0) <= 1).all()


def test_the_view_is_what_comes_out(canvases: list[Canvas], tmp_path: Path) -> None:
    viewed = OnlineComposites(canvases, tmp_path / "cutouts", SETTINGS, view=lambda composite: composite.image.shape)
    assert viewed[0] == viewed[-1] == (*SIZE_HW, 3)


def test_targets_as_torchvision_takes_them(online: OnlineComposites) -> None:
    composite = online[0]
    image, target = to_target(composite, {1: 2, 2: 1})
    assert image.shape == (3, *SIZE_HW)
    assert image.dtype == torch.float32
    assert 0 <= image.min() <= image.max() <= 1
    assert target["labels"].tolist() == [3 - one["category_id"] for one in composite.annotations]
    for (x1, y1, x2, y2), mask, one in zip(target["boxes"], target["masks"], composite.annotations, strict=True):
        rows, columns = np.nonzero(mask.numpy())
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x1, y1, x2, y2)
        assert mask.sum() == one["area"]


def test_the_next_item_stands_in_for_one_that_shows_nothing(online: OnlineComposites, tmp_path: Path) -> None:
    bare = paint(tmp_path / "bare.png", 9, [np.zeros(SIZE_HW, bool)])._replace(own=(), pasted_on=False)
    online.canvases[1:1] = [bare]
    assert same(online[1], online[2])
    empty = OnlineComposites([bare, bare], online.cutouts, SETTINGS)
    with pytest.raises(InputError, match="not one of the images to paste on gives a composite"):
        empty[0]


def test_a_few_unreadable_images_are_skipped_with_a_word_more_end_it(
    online: OnlineComposites, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corrupt = online.canvases[0]._replace(image=tmp_path / "corrupt.png")
    (tmp_path / "corrupt.png").write_bytes(b"no image")
    many = [online.canvases[0]._replace(image=tmp_path / f"{k}.jpg") for k in range(120)]
    rare = OnlineComposites([corrupt, *online.canvases, *many], online.cutouts, SETTINGS)
    assert same(rare[0], online[0])
    assert same(rare[0], online[0])
    assert capsys.readouterr().err.count("corrupt.png") == 1
    with pytest.raises(InputError, match=r"more than 1% of the images to paste on cannot be read: .*corrupt\.png"):
        OnlineComposites([corrupt, *online.canvases], online.cutouts, SETTINGS)[0]


def test_epochs_and_canvases_that_are_not_there_are_refused(online: OnlineComposites) -> None:
    with pytest.raises(InputError, match="epoch is -1; epochs count from 0"):
        online.set_epoch(-1)
    with pytest.raises(IndexError, match="there are 12 canvases, and no canvas 12"):
        online[12]
