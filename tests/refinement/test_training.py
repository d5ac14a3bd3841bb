"""How the network learns: rate, targets, order, bytes, and that it does."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from empaste.errors import InputError
from empaste.images import read_rgb, write_rgb
from empaste.jittering import Sample
from empaste.masks import encode_mask
from empaste.refinement import training
from empaste.refinement.segmenter import Segmenter, build_segmenter, class_maps
from empaste.refinement.training import IGNORED, Example, Target, fit_segmenter, rate, target_of
from tests.refinement.scenes import COLOURS, draw_images, square_of, tiny_settings

KEY, WHAT = (1, 0), "test"


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    """Five images: squares of the first class, of the second, of both in turn."""
    class_ids = list(COLOURS)
    shown = {number: class_ids[:2] if number == 3 else [class_ids[number % 2]] for number in range(1, 6)}
    images = draw_images(tmp_path, shown)
    return [
        Example(one.path, [Target(class_ids.index(c), encode_mask(square_of(c))) for c in one.class_ids])
        for one in images.values()
    ]


def fit(examples: Sequence[Example], key: Sequence[int] = KEY, **changes: Any) -> Segmenter:
    return fit_segmenter(examples, 2, tiny_settings(**changes), key, WHAT)


class Even(Segmenter):
    """A network to which every class is as likely as the others, everywhere."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.stride, self.weight = 4, torch.nn.Parameter(torch.zeros(3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        n, _, h, w = inputs.shape
        return self.weight[:, None, None].expand(n, 3, h // 4, w // 4)


def state_bytes(network: Segmenter) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


def test_the_rate_rises_over_a_tenth_and_falls_by_a_cosine_to_nothing() -> None:
    settings = tiny_settings(iterations=200, learning_rate=2.0)
    rates = [rate(step, settings) for step in range(200)]
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[0] == pytest.approx(2 * 0.025, rel=1e-3)
    assert 1.9 < max(rates) < 2.0
    assert rates[150] == pytest.approx(1 + math.cos(math.pi * 150.5 / 200))
    assert 0 < rates[-1] < 1e-4


def test_the_only_step_has_half_the_rate() -> None:
    assert rate(0, tiny_settings(iterations=1, learning_rate=0.3)) == pytest.approx(0.15)


def view_of(*masks: np.ndarray, labels: Sequence[int]) -> Sample:
    """A view of 8 × 12 pixels of an image that covers all but the last four columns."""
    image = np.zeros((8, 12), np.uint8)
    image[:, :8] = 1
    stack = np.stack([image, *masks]).astype(np.uint8)
    return Sample(np.zeros((8, 12, 3), np.uint8), stack, np.array([0, *labels]))


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((8, 12), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_padding_is_ignored_and_what_shows_nothing_is_background() -> None:
    assert target_of(view_of(labels=[]), 4).tolist() == [[0, 0, IGNORED]] * 2


def test_of_two_that_overlap_the_later_one_is_learned() -> None:
    large, small = box(0, 0, 8, 8), box(0, 0, 4, 4)
    assert target_of(view_of(large, small, labels=[1, 2]), 4).tolist() == [[2, 1, IGNORED], [1, 1, IGNORED]]
    assert target_of(view_of(small, large, labels=[2, 1]), 4).tolist() == [[1, 1, IGNORED], [1, 1, IGNORED]]


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_cell_learns_what_the_pixel_in_its_middle_shows(stride: int) -> None:
    mask = box(3, 2, 4, 5)
    target = target_of(view_of(mask, labels=[3]), stride)
    assert target.shape == (8 // stride, 12 // stride)
    for (row, column), label in np.ndenumerate(target):
        y, x = stride * row + stride // 2, stride * column + stride // 2
        assert label == (3 if mask[y, x] else 0 if x < 8 else IGNORED)


def record_reading(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that are read from now on, in order."""
    seen: list[Path] = []

    def read(path: Path) -> np.ndarray:
        seen.append(path)
        return read_rgb(path)

    monkeypatch.setattr(training, "read_rgb", read)
    return seen


def test_every_example_comes_once_before_any_comes_twice(
    examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record_reading(monkeypatch)
    fit(examples, iterations=10, batch_size=2)
    rounds = [seen[start : start + 5] for start in (0, 5, 10, 15)]
    assert len(seen) == 20
    assert all(set(one) == {example.path for example in examples} for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1  # in another order


def test_a_batch_larger_than_the_data_set_shows_examples_again(
    examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record_reading(monkeypatch)
    fit(examples[:2], iterations=1, batch_size=5)
    assert sorted(map(seen.count, {one.path for one in examples[:2]})) == [2, 3]


def test_the_same_seed_gives_the_same_bytes_whatever_torchs_state(examples: list[Example]) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = fit(examples)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert state_bytes(fit(examples)) == state_bytes(first)


def test_another_key_or_seed_gives_other_weights(examples: list[Example]) -> None:
    networks = [fit(examples), fit(examples, key=(1, 1)), fit(examples, key=(2, 0)), fit(examples, seed=1)]
    for name in ("head.3.weight", "pyramid.stem.conv1.weight"):
        assert len({state_bytes(one)[name] for one in networks}) == len(networks)


@pytest.mark.parametrize("architecture", ["resnet_slim", "timm:test_efficientnet"])
def test_the_backbone_moves_by_its_own_factor(examples: list[Example], architecture: str) -> None:
    still, moved = (fit(examples, architecture=architecture, image_size=64, backbone_rate=rate) for rate in (0.0, 1.0))
    initial = _initial(architecture)
    for name, tensor in still.named_parameters():
        own = name.startswith(("pyramid.fpn.", "head."))
        assert torch.equal(tensor, initial[name]) != own, name
    assert not any(torch.equal(tensor, initial[name]) for name, tensor in moved.named_parameters())


def _initial(architecture: str) -> dict[str, torch.Tensor]:
    """The weights that the training begins with, by the same draw."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence([0, *KEY]).generate_state(1)[0]))
        return dict(build_segmenter(tiny_settings(architecture=architecture), 2).named_parameters())


@pytest.mark.parametrize("told_apart", ["all", "shown"])
def test_a_class_that_no_example_shows_is_told_apart_only_where_all_are(
    examples: list[Example], told_apart: str
) -> None:
    first = [one for one in examples if {target.place for target in one.foregrounds} == {0}]
    network = fit(first, told_apart=told_apart, weight_decay=0.0)
    weights = {name: tensor for name, tensor in network.named_parameters() if name.startswith("head.3")}
    initial = _initial("resnet_slim")
    for name, tensor in weights.items():
        moved = [not torch.equal(*both) for both in zip(tensor, initial[name], strict=True)]
        assert moved == [True, True, told_apart == "all"], name


def test_the_loss_is_over_the_classes_that_are_told_apart(examples: list[Example]) -> None:
    """Of equal logits among m classes it is log m, whatever a pixel shows."""
    network = Even()
    views = [training._view(example, tiny_settings(), [0]) for example in examples[:2]]
    batch = [view._replace(labels=np.minimum(view.labels, 1)) for view in views]
    for told, num in (([1, 1, 1], 3), ([1, 1, 0], 2)):
        of_each = np.array([told, told], bool)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.0)
        assert training._step(network, optimiser, batch, of_each) == pytest.approx(math.log(num))


@pytest.mark.parametrize("told_apart", ["all", "shown"])
def test_squares_on_noise_are_learned(tmp_path: Path, told_apart: str) -> None:
    """The last two of ten images are not learned."""
    examples, masks = squares_on_noise(tmp_path)
    network = fit(examples[:8], iterations=40, batch_size=4, learning_rate=0.01, told_apart=told_apart)
    assert not network.training
    for example, own in zip(examples[8:], masks[8:], strict=True):
        maps = class_maps(network, read_rgb(example.path), [0, 1], 32, flip=True)
        for prob, mask in zip(maps, own, strict=True):
            assert ((prob > 0.5) & mask).sum() / ((prob > 0.5) | mask).sum() > 0.5


def squares_on_noise(folder: Path) -> tuple[list[Example], list[list[np.ndarray]]]:
    """Ten images with a square of each of two classes, somewhere, and the masks."""
    rng = np.random.default_rng(0)
    examples, masks = [], []
    for number in range(10):
        image = rng.integers(90, 140, (32, 32, 3), np.uint8)
        own = [np.zeros((32, 32), bool), np.zeros((32, 32), bool)]
        for k, mask in enumerate(own):
            y, x = rng.integers(0, 20), 16 * k + rng.integers(0, 6)
            mask[y : y + 10, x : x + 10] = True
            image[mask] = list(COLOURS.values())[k]
        write_rgb(folder / f"{number}.png", image)
        examples.append(Example(folder / f"{number}.png", [Target(k, encode_mask(one)) for k, one in enumerate(own)]))
        masks.append(own)
    return examples, masks


def test_a_loss_that_is_no_number_ends_with_the_images_and_the_next_step(examples: list[Example]) -> None:
    with pytest.raises(
        InputError,
        match=r"network's loss is nan at step 2, on .*\d\.png, .*\d\.png; lower refine\.learning_rate, or look",
    ):
        fit(examples, iterations=4, learning_rate=1e20)


def test_weights_that_are_no_numbers_end_with_the_next_step(
    examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = training._step

    def spoil(network: Segmenter, *rest: Any) -> float:
        loss = step(network, *rest)
        next(network.parameters()).data.fill_(float("nan"))
        return loss

    monkeypatch.setattr(training, "_step", spoil)
    with pytest.raises(InputError, match=r"weights hold NaN after its last step; lower refine\.learning_rate"):
        fit(examples, iterations=1)


def test_an_image_so_thin_that_no_cell_is_seen_leaves_the_weights_finite(tmp_path: Path) -> None:
    path = tmp_path / "thin.png"
    write_rgb(path, np.zeros((2, 200, 3), np.uint8))
    example = Example(path, [Target(0, encode_mask(np.ones((2, 200), bool)))])
    network = fit([example], iterations=4, batch_size=2)
    assert all(tensor.isfinite().all() for tensor in network.parameters())


def test_a_foreground_of_an_image_of_another_size_is_refused(examples: list[Example]) -> None:
    wrong = examples[0]._replace(foregrounds=[Target(0, encode_mask(np.ones((32, 30), bool)))])
    with pytest.raises(
        InputError,
        match=r"\.png is 32 high and 32 wide, a foreground of it is of an image 32 high and 30 wide; run: dvc",
    ):
        fit([wrong])


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png does not exist; run: dvc repro"):
        fit([Example(tmp_path / "gone.png", [])])


def test_a_device_that_is_not_there(examples: list[Example]) -> None:
    with pytest.raises(InputError, match=r"device is 'mps', which this machine does not offer"):
        fit(examples, device="mps")
