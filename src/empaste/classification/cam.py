"""Grad-CAM of a given class, and where it is centred (EM-Paste §3.1, Step 1).

Selvaraju et al. 2017: with ``A_k`` the k-th map of the last convolutional stage and ``y`` the class's logit,
``alpha_k`` is the mean over the grid of ``dy / dA_k``, and the heat map is ``relu(sum_k alpha_k A_k)``. Of a ViT,
``A`` is the grid of its patches' tokens as its last block's attention reads them. The classifier sees an image padded
to a square, so heat maps cover that square; `in_image_frame` cuts the image's part out.

Notes: the papers' code takes the map of the class with the highest probability and lets an empty map become the corner
(0, 0); here the class is always the one asked for, and an empty map has no centre. In place of Grad-CAM's, heat maps
can be a `localiser`'s, which is beyond the papers.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification.cam_settings import CamSettings
from empaste.classification.localiser import Localiser, cells_inside, score_maps
from empaste.images import RGB
from empaste.networks.anatomy import classify_maps, feature_maps, input_step
from empaste.networks.inputs import to_input
from empaste.squares import fit_square, square_frame

SCALE_STEP = 32
"""Inputs of other scales have a multiple of so many pixels, which every network's grid divides."""


class ClassMap(NamedTuple):
    """Where a classifier sees a class in an image: its probability, its heat map on the square, its centre (x, y).

    The heat map is scaled to a maximum of 1 and has the grid's resolution; the centre is in pixels of the image (the
    centre of the first pixel is 0) and None where the map is empty.
    """

    prob: float
    heatmap: Float[np.ndarray, "gh gw"]
    centre_xy: tuple[float, float] | None


def over_threshold(heatmap: Float[np.ndarray, "h w"], amount: float) -> Bool[np.ndarray, "h w"]:
    """The positive pixels of at least ``amount`` times the map's maximum."""
    return np.asarray((heatmap >= amount * heatmap.max()) & (heatmap > 0))


def top_percent(heatmap: Float[np.ndarray, "h w"], amount: float) -> Bool[np.ndarray, "h w"]:
    """The highest ``amount`` percent of the pixels as far as they are positive, with all that tie with the last."""
    num = max(1, round(heatmap.size * amount / 100))
    least = np.partition(heatmap, heatmap.size - num, axis=None)[heatmap.size - num]
    return np.asarray((heatmap >= least) & (heatmap > 0))


KEEP: dict[str, Callable[[Float[np.ndarray, "h w"], float], Bool[np.ndarray, "h w"]]] = {
    "threshold": over_threshold,
    "top_percent": top_percent,
}
"""What of a heat map counts for its centre; a rule's amount is the parameter of its name."""


def kept_pixels(heatmap: Float[np.ndarray, "h w"], settings: CamSettings) -> Bool[np.ndarray, "h w"]:
    """The pixels that count for the centre."""
    return KEEP[settings.keep](heatmap, getattr(settings, settings.keep))


def locate_classes(
    classifier: TrainedClassifier,
    images: Sequence[RGB],
    classes: Sequence[Sequence[int]],
    settings: CamSettings,
    localiser: Localiser | None = None,
) -> list[list[ClassMap]]:
    """For each image the maps of the outputs (columns) asked for in ``classes``, in that order; one batch.

    Maps are the classifier's Grad-CAMs, or the ``localiser``'s where one is given, then empty outside the image. Pixels
    of a map in the image's frame count for the centre as ``settings.keep`` says. Maps are averaged over ``scales`` of
    the input and, with ``flip``, over the image and its mirror image; so are the probabilities.
    """
    rows = np.repeat(np.arange(len(images)), [len(columns) for columns in classes])
    columns = np.array([column for asked in classes for column in asked], np.int64)
    look = partial(grad_cam, classifier.network) if localiser is None else partial(_scored, classifier, localiser)
    heatmaps, probs = averaged_maps(look, classifier, images, rows, columns, settings)
    found: list[list[ClassMap]] = [[] for _ in images]
    for row, heatmap, prob in zip(rows.tolist(), heatmaps, probs, strict=True):
        height, width = images[row].shape[:2]
        if localiser is not None:
            heatmap = heatmap * cells_inside(height, width, *heatmap.shape)
        kept = kept_pixels(in_image_frame(heatmap, height, width, classifier.image_size), settings)
        peak = float(heatmap.max())
        scaled = heatmap / peak if peak > 0 else heatmap
        found[row].append(ClassMap(float(prob), scaled, centre_of_gravity(kept)))
    return found


Look = Callable[
    [Float[Tensor, "n 3 side side"], Int[np.ndarray, " p"], Int[np.ndarray, " p"]],
    tuple[Float[np.ndarray, "p gh gw"], Float[np.ndarray, " p"]],
]
"""Gives heat map and probability of output ``columns[i]`` for input ``rows[i]``; see `grad_cam`."""


def averaged_maps(
    look: Look,
    classifier: TrainedClassifier,
    images: Sequence[RGB],
    rows: Int[np.ndarray, " p"],
    columns: Int[np.ndarray, " p"],
    settings: CamSettings,
) -> tuple[Float[np.ndarray, "p gh gw"], Float[np.ndarray, " p"]]:
    """What ``look`` sees in the images' squares, averaged over scales and mirror images; the largest scale's grid."""
    views = []
    for scale in settings.scales:
        inputs = _inputs(classifier, images, scale)
        views.append(look(inputs, rows, columns))
        if settings.flip:
            mirrored, probs = look(inputs.flip(3), rows, columns)
            views.append((mirrored[:, :, ::-1].copy(), probs))
    if len(views) == 1:
        return views[0]
    grid_hw = max((heatmaps.shape[1:] for heatmaps, _ in views), key=math.prod)
    # alpha, a mean over the grid, is small where cells are many: times their number, the scales weigh alike.
    averaged = np.mean([_resized(heatmaps, grid_hw) * math.prod(heatmaps.shape[1:]) for heatmaps, _ in views], axis=0)
    return averaged, np.mean([probs for _, probs in views], axis=0)


def _scored(
    classifier: TrainedClassifier,
    localiser: Localiser,
    inputs: Float[Tensor, "n 3 side side"],
    rows: Int[np.ndarray, " p"],
    columns: Int[np.ndarray, " p"],
) -> tuple[Float[np.ndarray, "p gh gw"], Float[np.ndarray, " p"]]:
    """The localiser's positive scores, divided by the number of cells as a Grad-CAM is, and the probabilities."""
    index, asked = (torch.from_numpy(one).to(inputs.device) for one in (rows, columns))
    with torch.no_grad():
        maps = feature_maps(classifier.network, inputs)
        probs = classify_maps(classifier.network, maps)[0].sigmoid()[index, asked]
        heatmaps = score_maps(localiser, maps.grid[index], asked) / math.prod(maps.grid.shape[2:])
    return heatmaps.cpu().numpy(), probs.cpu().numpy()


def _inputs(classifier: TrainedClassifier, images: Sequence[RGB], scale: float) -> Float[Tensor, "n 3 side side"]:
    """The images' squares at ``scale`` times the classifier's size, as near as whole cells of the grid allow."""
    side = input_side(classifier, scale)
    return to_input(np.stack([fit_square(image, side) for image in images]), classifier.device)


def input_side(classifier: TrainedClassifier, scale: float) -> int:
    """The side in pixels of the squares that ``classifier`` sees at ``scale``."""
    return scaled_side(classifier.image_size, scale, input_step(classifier.network))


def scaled_side(side: int, scale: float, step: int) -> int:
    """The side of an input at ``scale`` times ``side``: a multiple of `SCALE_STEP` and of the network's ``step``.

    At a scale of 1 it is ``side`` itself.
    """
    whole = max(SCALE_STEP, step)
    return side if scale == 1 else max(1, round(side * scale / whole)) * whole


def _resized(heatmaps: Float[np.ndarray, "p h w"], grid_hw: tuple[int, ...]) -> Float[np.ndarray, "p gh gw"]:
    """The maps on another grid over the same square, bilinear."""
    maps = torch.from_numpy(heatmaps)[:, None]
    return F.interpolate(maps, grid_hw, mode="bilinear", align_corners=False)[:, 0].numpy()


def grad_cam(
    network: nn.Module,
    inputs: Float[Tensor, "n 3 side side"],
    rows: Int[np.ndarray, " p"],
    columns: Int[np.ndarray, " p"],
) -> tuple[Float[np.ndarray, "p gh gw"], Float[np.ndarray, " p"]]:
    """Heat map and probability of output ``columns[i]`` for input ``rows[i]``, all pairs in one backward pass."""
    index = torch.from_numpy(rows).to(inputs.device)
    with torch.no_grad():
        maps = feature_maps(network, inputs).rows(index)
    maps.grid.requires_grad_()
    with torch.enable_grad():
        logits, _ = classify_maps(network, maps)
        chosen = logits.gather(1, torch.from_numpy(columns).to(inputs.device)[:, None])[:, 0]
        (gradient,) = torch.autograd.grad(chosen.sum(), maps.grid)
    weights = gradient.mean((2, 3), keepdim=True)
    heatmaps = (weights * maps.grid.detach()).sum(1).relu()
    return heatmaps.cpu().numpy(), chosen.detach().sigmoid().cpu().numpy()


def in_image_frame(
    heatmap: Float[np.ndarray, "gh gw"], height: int, width: int, side: int
) -> Float[np.ndarray, "height width"]:
    """The heat map of a square input of ``side`` pixels, bilinear, at the pixels of the image fitted into it."""
    frame = square_frame(height, width, side)
    step_y, step_x = side / heatmap.shape[0], side / heatmap.shape[1]
    # Centres of the image's pixels in the square, then in cells of the grid; edges are held beyond the outer cells.
    rows = ((np.arange(height) + 0.5) * frame.height / height + frame.top) / step_y - 0.5
    columns = ((np.arange(width) + 0.5) * frame.width / width + frame.left) / step_x - 0.5
    weights_y = _interpolation(rows, heatmap.shape[0])
    return np.asarray(weights_y @ heatmap.astype(np.float32) @ _interpolation(columns, heatmap.shape[1]).T)


def _interpolation(positions: Float[np.ndarray, " n"], cells: int) -> Float[np.ndarray, "n cells"]:
    """The matrix that interpolates linearly between ``cells`` values at ``positions`` (in cells, from 0)."""
    distance = np.abs(np.clip(positions, 0, cells - 1)[:, None] - np.arange(cells))
    return np.asarray(np.maximum(0, 1 - distance), np.float32)


def centre_of_gravity(kept: Bool[np.ndarray, "h w"]) -> tuple[float, float] | None:
    """The centre (x, y) of the pixels ``G`` that are ``kept``; None where there is none.

    ``c = (sum G x / sum G, sum G y / sum G)``, ``G`` binary.
    """
    num = np.count_nonzero(kept)
    if not num:
        return None
    x, y = (int(np.arange(len(counts)) @ counts) / num for counts in (kept.sum(axis=0), kept.sum(axis=1)))
    return x, y
