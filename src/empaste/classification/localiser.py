"""A linear layer on a classifier's maps that learned, from image-level labels alone, in which cells a class is seen.

P. O. Pinheiro and R. Collobert: From image-level to pixel-level labeling with convolutional networks, CVPR 2015. The
layer scores every cell of the grid for every class. An image's logit is the log-sum-exp of its cells' scores (section
3.2), which lies between their mean and their maximum, so a few sure cells are enough. A last layer that learned from
the mean over the grid spreads a class over everything that comes along with it.

Notes
-----
Departs from the paper: the network under the layer stays as it is, and while the layer learns some of its channels are
left out at random; cells outside the image have no part; channels are centred and scaled by what their means over an
image differ by between images.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import dropout, multilabel_soft_margin_loss
from tqdm import tqdm

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification.cam_settings import LseSettings
from empaste.classification.labelled_images import room_for
from empaste.errors import InputError
from empaste.networks.anatomy import feature_maps
from empaste.networks.inputs import to_input
from empaste.shuffling import shuffled_batches

MAX_IMAGES = 5_000
"""That the layer learns; of more images so many are drawn."""
BATCH = 32
LEARNING_RATE = 3e-4
WARM_UP = 0.1
"""Images per step, the peak of the rate (Adam), and the share of the steps over which it rises."""
DROPOUT = 0.3
"""Share of an image's channels that a step leaves out."""
LEAST_DEVIATION = 1e-6
"""Of a channel, over rounding."""
DRAW, ORDER = 5, 6
"""Streams of random numbers, apart from others of the same seed."""


class Localiser(NamedTuple):
    """The score of each of ``c`` classes in a cell: ``weight`` times how far its channels lie from their ``centre``.

    So 0 is the score of the average cell of the images that were learned.
    """

    weight: Float[Tensor, "c d"]
    centre: Float[Tensor, " d"]


class Grids(NamedTuple):
    """The last maps of a network for images of one size, and which cells lie in the images."""

    maps: Float16[np.ndarray, "n d gh gw"]
    inside: Bool[np.ndarray, "n gh gw"]


def cells_inside(height: int, width: int, grid_h: int, grid_w: int) -> Bool[np.ndarray, "grid_h grid_w"]:
    """The cells of a grid over `squares.fit_square`'s square whose centre is in the image of ``height`` × ``width``.

    Those in the middle always are, however thin the image.
    """

    def along(cells: int, share: float) -> Bool[np.ndarray, " cells"]:
        distance = np.abs((np.arange(cells) + 0.5) / cells - 0.5)  # from the middle, in sides of the square
        return np.asarray(distance <= max(share, 1 / cells) / 2 + 1e-9)

    longest = max(height, width)
    return np.asarray(along(grid_h, height / longest)[:, None] & along(grid_w, width / longest)[None])


def drawn_rows(labels: Bool[np.ndarray, "n c"], seed: int) -> Int[np.ndarray, " m"]:
    """The rows of the images that the layer learns: all, or `MAX_IMAGES` drawn by ``seed``, ascending.

    The rarer the rarest class of an image, the likelier it is drawn; images without any class count as one more.
    """
    if len(labels) <= MAX_IMAGES:
        return np.arange(len(labels))
    shown = np.column_stack([labels, ~labels.any(axis=1)])
    rarity = (shown / np.maximum(shown.sum(axis=0), 1)).max(axis=1)
    rng = np.random.default_rng([DRAW, seed])
    return np.sort(rng.choice(len(labels), MAX_IMAGES, replace=False, p=rarity / rarity.sum()))


def look_at(
    classifier: TrainedClassifier,
    squares: UInt8[np.ndarray, "n side side 3"],
    sizes_hw: Sequence[tuple[int, int]],
    batch_size: int,
    store: Path,
) -> Grids:
    """The last maps of the classifier for ``squares``, at least one, of images of these sizes.

    Maps that do not fit into memory lie in the file ``store``.
    """
    maps: np.ndarray | None = None
    starts = tqdm(range(0, len(squares), batch_size), "maps", unit="batch", leave=False)
    for start in starts:
        with torch.inference_mode():
            inputs = to_input(squares[start : start + batch_size], classifier.device)
            grid = feature_maps(classifier.network, inputs).grid.cpu().numpy().astype(np.float16)
        if maps is None:
            maps = room_for((len(squares), *grid.shape[1:]), np.float16, store)
        maps[start : start + len(grid)] = grid
    assert maps is not None
    inside = np.stack([cells_inside(*size_hw, *maps.shape[2:]) for size_hw in sizes_hw])
    return Grids(maps, inside)


def learn_localiser(views: Sequence[Grids], labels: Bool[np.ndarray, "n c"], settings: LseSettings) -> Localiser:
    """The layer that learned ``labels`` from ``views``: the same images in different sizes, one size per step in turn.

    `InputError` where its weights are no numbers.
    """
    centre, deviation = _channels(views)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        layer = nn.Linear(len(centre), labels.shape[1], bias=False)
        nn.init.zeros_(layer.weight)  # what a random one sees in cells would stay in the maps
        _fit(layer, views, (centre, deviation), torch.from_numpy(labels.astype(np.float32)), settings)
    weight = layer.weight.detach() / deviation
    if not bool(torch.isfinite(weight).all()):
        raise InputError(
            "the localiser's weights are no numbers; the classifier's weights hold NaN or overflow: run dvc repro "
            "classifier with a lower classifier.learning_rate"
        )
    return Localiser(weight, centre)


def pool(scores: Float[Tensor, "n gh gw c"], inside: Bool[Tensor, "n gh gw"], sharpness: float) -> Float[Tensor, "n c"]:
    """The log-sum-exp of the cells ``inside``: ``log(mean(exp(r s))) / r``, their maximum where ``r`` is large."""
    own = (scores * sharpness).masked_fill(~inside[..., None], -math.inf).flatten(1, 2)
    num = inside.flatten(1).sum(1, keepdim=True).to(scores.dtype)
    pooled: Float[Tensor, "n c"] = (own.logsumexp(1) - num.log()) / sharpness
    return pooled


Channels = tuple[Float[Tensor, " d"], Float[Tensor, " d"]]
"""Every channel's mean over the images, and the deviation of its means over an image; 1 where they do not differ."""


def _channels(views: Sequence[Grids]) -> Channels:
    means = np.stack(
        [
            maps[:, inside].mean(axis=1, dtype=np.float64)
            for view in views
            for maps, inside in zip(view.maps, view.inside, strict=True)
        ]
    )
    deviation = means.std(axis=0)
    deviation[deviation < LEAST_DEVIATION] = 1
    return torch.from_numpy(means.mean(axis=0)).float(), torch.from_numpy(deviation).float()


def _fit(
    layer: nn.Linear,
    views: Sequence[Grids],
    channels: Channels,
    truth: Float[Tensor, "n c"],
    settings: LseSettings,
) -> None:
    """``layer`` has learned ``truth``; torch's random state draws what is left out."""
    centre, deviation = channels
    optimiser = torch.optim.Adam(layer.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=settings.iterations, pct_start=WARM_UP
    )
    rng = np.random.default_rng([ORDER, settings.seed])
    batches = shuffled_batches(len(truth), BATCH, settings.iterations, rng)
    for number, batch in enumerate(tqdm(batches, "localiser", settings.iterations, unit="step")):
        view, rows = views[number % len(views)], np.sort(batch)
        cells = (torch.from_numpy(view.maps[rows]).float().movedim(1, -1) - centre) / deviation
        kept = dropout(torch.ones(len(cells), 1, 1, cells.shape[-1]), DROPOUT)
        logits = pool(layer(cells * kept), torch.from_numpy(view.inside[rows]), settings.sharpness)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(multilabel_soft_margin_loss(logits, truth[rows]))
        optimiser.step()
        schedule.step()


def score_maps(
    localiser: Localiser, maps: Float[Tensor, "p d gh gw"], columns: Int[Tensor, " p"]
) -> Float[Tensor, "p gh gw"]:
    """The positive scores of class ``columns[i]`` in the cells of ``maps[i]``."""
    weight, centre = (part.to(maps.device) for part in localiser)
    scores: Float[Tensor, "p gh gw"] = torch.einsum("pd,pdhw->phw", weight[columns], maps - centre[:, None, None])
    return scores.relu()
