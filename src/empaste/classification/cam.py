"""Grad-CAM of a given class, and where it is centred (EM-Paste §3.1, Step 1).

Selvaraju et al. 2017: with ``A_k`` the k-th map of the last convolutional stage and ``y`` the class's logit,
``alpha_k`` is the mean over the grid of ``dy / dA_k``, and the heat map is ``relu(sum_k alpha_k A_k)``. The classifier
sees an image padded to a square, so heat maps cover that square; `in_image_frame` cuts the image's part out.

Notes: the papers' code takes the map of the class with the highest probability and lets an empty map become the corner
(0, 0); here the class is always the one asked for, and an empty map has no centre.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from empaste.artifacts.classifier import TrainedClassifier
from empaste.backbones import classify_maps, feature_maps, fit_square, square_frame, to_input

RGB = UInt8[np.ndarray, "h w 3"]


class ClassMap(NamedTuple):
    """Where a classifier sees a class in an image: its probability, its heat map on the square, its centre (x, y).

    The heat map is scaled to a maximum of 1 and has the grid's resolution; the centre is in pixels of the image (the
    centre of the first pixel is 0) and None where the map is empty.
    """

    prob: float
    heatmap: Float[np.ndarray, "gh gw"]
    centre_xy: tuple[float, float] | None


def locate_classes(
    classifier: TrainedClassifier, images: Sequence[RGB], classes: Sequence[Sequence[int]], threshold: float
) -> list[list[ClassMap]]:
    """For each image the maps of the outputs (columns) asked for in ``classes``, in that order; one batch.

    Pixels over ``threshold`` times the map's maximum count for the centre.
    """
    squares = np.stack([fit_square(image, classifier.image_size) for image in images])
    rows = np.repeat(np.arange(len(images)), [len(columns) for columns in classes])
    columns = np.array([column for asked in classes for column in asked], np.int64)
    heatmaps, probs = grad_cam(classifier.network, to_input(squares, classifier.device), rows, columns)
    found: list[list[ClassMap]] = [[] for _ in images]
    for row, heatmap, prob in zip(rows.tolist(), heatmaps, probs, strict=True):
        height, width = images[row].shape[:2]
        image_map = in_image_frame(heatmap, height, width, classifier.image_size)
        peak = float(heatmap.max())
        scaled = heatmap / peak if peak > 0 else heatmap
        found[row].append(ClassMap(float(prob), scaled, centre_of_gravity(image_map, threshold)))
    return found


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
    return weights_y @ heatmap.astype(np.float32) @ _interpolation(columns, heatmap.shape[1]).T


def _interpolation(positions: Float[np.ndarray, " n"], cells: int) -> Float[np.ndarray, "n cells"]:
    """The matrix that interpolates linearly between ``cells`` values at ``positions`` (in cells, from 0)."""
    distance = np.abs(np.clip(positions, 0, cells - 1)[:, None] - np.arange(cells))
    return np.maximum(0, 1 - distance).astype(np.float32)


def centre_of_gravity(heatmap: Float[np.ndarray, "h w"], threshold: float) -> tuple[float, float] | None:
    """The centre (x, y) of the pixels ``G`` over ``threshold`` times the maximum; None where none is positive.

    ``c = (sum G x / sum G, sum G y / sum G)``, ``G`` binary.
    """
    peak = heatmap.max()
    if not peak > 0:
        return None
    rows, columns = np.nonzero(heatmap >= threshold * peak)
    return float(columns.mean()), float(rows.mean())
