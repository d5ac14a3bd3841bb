"""A segmentation network learns foregrounds: cross-entropy of every pixel, AdamW, a rise and a cosine of the rate.

What an image's labels name and no foreground shows is learned as background, as detectors learn it. With
``settings.told_apart`` "shown" a pixel is told from the background and the classes of its own image's foregrounds; with
"all" from every class, though labels tell these apart already, and `segmenter.class_maps` never asks.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from empaste.devices import torch_device
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.jittering import Sample, augment
from empaste.masks import decode_mask
from empaste.networks.inputs import to_input
from empaste.networks.rates import rate_groups, set_rate
from empaste.refinement.segmenter import Segmenter, build_segmenter
from empaste.refinement.settings import RefineSettings
from empaste.rle import RLE
from empaste.shuffling import shuffled_batches

IGNORED = -100
"""The target of pixels outside the image, which teach nothing."""
WARM_UP = 0.1
"""Share of the steps over which the rate rises."""
MAX_GRADIENT = 10.0
"""Norm to which gradients are clipped."""
ORDER, VIEW = 0, 1
"""Streams of random numbers."""


class Target(NamedTuple):
    """A foreground to be learned: the place of its class among the classes, and its mask."""

    place: int
    mask_rle: RLE


class Example(NamedTuple):
    """An image, and its foregrounds in painting order: of two that overlap the later one is on top."""

    path: Path
    foregrounds: Sequence[Target]


def fit_segmenter(
    examples: Sequence[Example], num_classes: int, settings: RefineSettings, key: Sequence[int], what: str
) -> Segmenter:
    """A network in evaluation mode that learned ``examples``, at least one.

    Weights, order and views are drawn by ``settings.seed`` and ``key``; ``what`` stands before the progress bar.
    `InputError` where the loss or a weight is no number any more, or the backbone is not to be had.
    """
    seed = [settings.seed, *key]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        network = build_segmenter(settings, num_classes)
    network = network.to(torch_device(settings.device)).to(memory_format=torch.channels_last)
    groups = rate_groups(network, _in_backbone, settings.backbone_rate, settings.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=0.0)
    rng = np.random.default_rng([*seed, ORDER])
    batches = shuffled_batches(len(examples), settings.batch_size, settings.iterations, rng)
    steps = tqdm(batches, what, settings.iterations, unit="step")
    for number, places in enumerate(steps):
        batch = [_view(examples[place], settings, [*seed, VIEW, number, k]) for k, place in enumerate(places)]
        told_apart = _told_apart([examples[place] for place in places], num_classes, settings)
        set_rate(optimiser, rate(number, settings))
        loss = _step(network, optimiser, batch, told_apart)
        if not math.isfinite(loss):
            paths = ", ".join(str(examples[place].path) for place in places)
            raise InputError(
                f"the segmentation network's loss is {loss} at step {number + 1}, on {paths}; lower "
                "refine.learning_rate, or look at these images"
            )
        steps.set_postfix(loss=f"{loss:.3f}", refresh=False)
    if not all(bool(torch.isfinite(values).all()) for values in network.state_dict().values()):
        raise InputError("the segmentation network's weights hold NaN after its last step; lower refine.learning_rate")
    return network.eval()


def rate(step: int, settings: RefineSettings) -> float:
    """The learning rate of ``step`` (from 0): it rises over the first tenth, and falls by a cosine from the start."""
    share = (step + 0.5) / settings.iterations
    return settings.learning_rate * min(1.0, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2


def target_of(view: Sample, stride: int) -> Int[np.ndarray, "h w"]:
    """What the network learns of ``view`` at its ``stride``: 0 for background, 1 + the place of a class, or `IGNORED`.

    The first mask of ``view`` covers the image, the others are foregrounds.
    """
    cells = view.masks[:, stride // 2 :: stride, stride // 2 :: stride].astype(bool)
    target = np.full(cells.shape[1:], IGNORED)
    for cell, label in zip(cells, view.labels, strict=True):
        target[cell] = label
    return target


def _in_backbone(name: str) -> bool:
    """Whether a parameter came with the network's weights; pyramid and head are new."""
    return not name.startswith(("pyramid.fpn.", "head."))


def _view(example: Example, settings: RefineSettings, seed: Sequence[int]) -> Sample:
    """A random view of an example; its first mask covers the image, with the label of the background."""
    image = read_rgb(example.path)
    _check_sizes(image.shape[:2], example)
    masks = [np.ones(image.shape[:2], bool), *(decode_mask(one.mask_rle) for one in example.foregrounds)]
    labels = np.array([0, *(1 + one.place for one in example.foregrounds)])
    sample = Sample(image, np.stack(masks).astype(np.uint8), labels)
    return augment(sample, settings.image_size, settings.jitter, np.random.default_rng(seed))


def _check_sizes(size_hw: tuple[int, ...], example: Example) -> None:
    """`InputError` where a foreground is of an image of another size than ``size_hw``."""
    for height, width in (one.mask_rle["size"] for one in example.foregrounds):
        if (height, width) != size_hw:
            raise InputError(
                f"{example.path} is {size_hw[0]} high and {size_hw[1]} wide, a foreground of it is of an image "
                f"{height} high and {width} wide; run: dvc repro proposals"
            )


def _told_apart(batch: Sequence[Example], num_classes: int, settings: RefineSettings) -> Bool[np.ndarray, "n c"]:
    """Of each example the outputs, background first, that a pixel of it is told from."""
    told = np.full((len(batch), 1 + num_classes), settings.told_apart == "all")
    for row, example in zip(told, batch, strict=True):
        row[[0, *(1 + one.place for one in example.foregrounds)]] = True
    return told


def _step(
    network: Segmenter, optimiser: torch.optim.Optimizer, batch: Sequence[Sample], told_apart: Bool[np.ndarray, "n c"]
) -> float:
    """One step of the optimiser; the loss before it, in which the outputs that are not ``told_apart`` have no part."""
    device = next(network.parameters()).device
    inputs = to_input(np.stack([view.image for view in batch]), device)
    targets = torch.from_numpy(np.stack([target_of(view, network.stride) for view in batch])).to(device)
    without_part = torch.from_numpy(~told_apart).to(device)[:, :, None, None]
    logits: Float[Tensor, "n c h w"] = network(inputs).masked_fill(without_part, -math.inf)
    num_taught = (targets != IGNORED).sum().clamp(min=1)  # of a thin image no cell may be seen
    loss = cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum") / num_taught
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
    optimiser.step()
    return float(loss.detach())
