"""A network on images: the same in one process and in several, by a network that is read once."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from empaste.devices import one_thread
from empaste.errors import InputError
from empaste.masks import decode_mask
from empaste.refinement import inference
from empaste.refinement.inference import NETWORK, Wanted, load_segmenter, segment_image, segment_images
from empaste.refinement.pieces import Seen
from empaste.refinement.segmenter import Segmenter, build_segmenter
from empaste.scaleout import map_items
from tests.refinement.scenes import draw_images, tiny_settings

SETTINGS = tiny_settings(threshold=0.2, void_threshold=0.1)


def train() -> Segmenter:
    torch.manual_seed(0)
    return build_segmenter(SETTINGS, 3)


@pytest.fixture
def wanted(tmp_path: Path) -> list[Wanted]:
    images = draw_images(tmp_path / "images", {key: [3, 7] for key in range(1, 10)})
    return [Wanted(one.path, [0, 1]) for one in images.values()]


def test_the_same_with_any_number_of_workers(wanted: list[Wanted], tmp_path: Path) -> None:
    alone = segment_images(wanted, train, 3, SETTINGS, partial(map_items, what="draw", workers=1), tmp_path / "one")
    assert len(alone) == 9
    assert all(set(found) == {0, 1} for found in alone)
    assert sum(len(seen.pieces) for found in alone for seen in found.values()) > 9
    assert any(seen.void for found in alone for seen in found.values())
    several = partial(map_items, what="draw", workers=2)
    assert segment_images(wanted, train, 3, SETTINGS, several, tmp_path / "two") == alone


def test_no_image_needs_no_network(tmp_path: Path) -> None:
    def never() -> Segmenter:
        raise AssertionError

    assert segment_images([], never, 3, SETTINGS, map, tmp_path / "work") == []


def test_a_network_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{NETWORK} is gone or damaged; run again: dvc repro refine"):
        load_segmenter(tmp_path / NETWORK, SETTINGS)


def test_one_thread_and_then_as_many_as_before() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_confidences_are_kept_to_the_last_bit(wanted: list[Wanted], tmp_path: Path) -> None:
    first = segment_images(wanted[:1], train, 3, SETTINGS, map, tmp_path / "work")
    network = load_segmenter(tmp_path / "work" / NETWORK, SETTINGS)
    found = segment_image(wanted[0], lambda: network, SETTINGS)
    assert first == [found]
    assert all(np.isfinite(one.confidence) for seen in found.values() for one in seen.pieces)


@pytest.mark.parametrize(("peak", "pieces"), [(0.4, 1), (0.0, 0), (5e-4, 0), (0.9, 1)])
def test_a_map_that_is_scaled_to_its_peak_shows_a_label_however_unsure_the_network_is(
    wanted: list[Wanted], monkeypatch: pytest.MonkeyPatch, peak: float, pieces: int
) -> None:
    square = np.zeros((32, 32), np.float32)
    square[4:12, 6:20] = 1
    monkeypatch.setattr(inference, "class_maps", lambda *_args: np.stack([peak * square] * 2))
    monkeypatch.setattr(inference, "chances_in", lambda _walk, prob: prob)

    def seen(**changes: Any) -> Seen:
        found = segment_image(wanted[0], train, tiny_settings(**changes))
        assert found[0] == found[1]
        return found[0]

    scaled = seen(to_peak=True).pieces
    assert len(scaled) == pieces
    for one in scaled:
        assert np.array_equal(decode_mask(one.mask_rle), square > 0)
        assert one.confidence == pytest.approx(peak)  # as sure as the network was
    assert len(seen(to_peak=False).pieces) == (peak > 0.5)


def test_the_network_looks_at_an_image_of_the_size_that_is_asked_for(wanted: list[Wanted]) -> None:
    network, seen = train().eval(), []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[2:]))
    for scale in (1.0, 2.0, 3.0):
        segment_image(wanted[0], lambda: network, tiny_settings(scale=scale))
    assert seen == [(32, 32), (64, 64), (96, 96)]
