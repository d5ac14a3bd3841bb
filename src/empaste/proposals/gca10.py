"""Compact superpixels by energy minimisation, in several sizes; each superpixel is a segment.

O. Veksler, Y. Boykov, P. Mehrani: Superpixels and supervoxels in an energy optimization framework, ECCV 2010 (GCa10,
the compact variant). One of the proposal sources that EM-Paste §3.1 names. It learned from no masks.

The image is covered by overlapping square patches. A pixel takes the label of any patch over it, so a superpixel is at
most as large as a patch, and the labelling f minimises sum_pq w_pq [f_p != f_q] over neighbours p, q (8 per pixel) with
w_pq = exp(-|I_p - I_q|² / 2 σ²) / |p - q|: borders follow edges and are short. It is found by α-expansion, one patch at
a time: whether each pixel of the patch keeps its label or takes the patch's own is one minimum cut, of the patch alone.

Notes
-----
The colour difference is that of CIE Lab. The paper sets σ by the camera's noise; here it is a parameter.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from pydantic import Field

from empaste.errors import install_command, require_extra
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.objectness import partition_segments
from empaste.proposals.region_graph import to_lab
from empaste.settings import Count, Positive, PositiveFloat, Settings

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""From a pixel to those of its neighbours that come after it: rows, columns."""


class Gca10Settings(Settings):
    """One set of superpixels per patch size.

    A patch's side is a share of the image's longest side; ``sigma`` is in units of CIE Lab; there are at most
    ``num_sweeps`` expansions per patch.
    """

    max_side: Count
    patch_sizes: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    sigma: PositiveFloat
    num_sweeps: Positive


def propose(image: UInt8[np.ndarray, "h w 3"], settings: Gca10Settings, _: Context) -> Segments:
    """Masks and scores of the superpixels for every one of ``patch_sizes``.

    `InputError` where PyMaxflow is not installed.
    """
    size_hw = image.shape[:2]
    weights = edge_weights(image, settings.sigma)
    sides = [max(2, round(share * max(size_hw))) for share in settings.patch_sizes]
    return partition_segments(image, [superpixels(weights, size_hw, side, settings.num_sweeps) for side in sides])


def superpixels(
    weights: Float[np.ndarray, "4 h w"], size_hw: tuple[int, ...], side: int, num_sweeps: int
) -> Int[np.ndarray, "h w"]:
    """The labelling with patches of ``side`` pixels, half of it apart; a label is the number of its patch.

    ``weights[k]`` is that of a pixel and its neighbour at ``STEPS[k]``.
    """
    patches = _cover(size_hw, side)
    labels = _nearest_patch(patches, size_hw)
    for _ in range(num_sweeps):
        before = labels.copy()
        for number, patch in enumerate(patches):
            expand(labels, number, patch, weights)
        if np.array_equal(labels, before):
            break
    return labels


class Patch(NamedTuple):
    """A square of the image; the ends are exclusive."""

    top: int
    left: int
    bottom: int
    right: int


def edge_weights(image: UInt8[np.ndarray, "h w 3"], sigma: float) -> Float[np.ndarray, "4 h w"]:
    """``w_pq`` of every pixel and its neighbour at each of `STEPS`; 0 where the neighbour is off the image."""
    lab = to_lab(image)
    weights = np.zeros((len(STEPS), *image.shape[:2]))
    for k, step in enumerate(STEPS):
        here, there = _pairs(image.shape[:2], step)
        squared = ((lab[here] - lab[there]) ** 2).sum(axis=-1)
        weights[k][here] = np.exp(-squared / (2 * sigma**2)) / np.hypot(*step)
    return weights


def expand(labels: Int[np.ndarray, "h w"], number: int, patch: Patch, weights: Float[np.ndarray, "4 h w"]) -> None:
    """Give the label ``number`` to those pixels of its patch where that lowers the energy most, in place.

    With x = 1 for "takes the label", every pair's energy is written as unary terms and one directed edge
    (V. Kolmogorov, R. Zabih: What energy functions can be minimized via graph cuts?, TPAMI 2004).
    """
    maxflow = _maxflow()
    top, left = max(patch.top - 1, 0), max(patch.left - 1, 0)
    window = (slice(top, patch.bottom + 1), slice(left, patch.right + 1))
    current = labels[window]
    inside = np.zeros(current.shape, bool)
    inside[patch.top - top : patch.bottom - top, patch.left - left : patch.right - left] = True
    graph = maxflow.GraphFloat()
    nodes = np.full(current.shape, -1)
    nodes[inside] = graph.add_nodes(int(inside.sum()))
    unary = np.zeros(current.shape)
    for k, step in enumerate(STEPS):
        here, there = _pairs(current.shape, step)
        weight = weights[k][window][here]
        keep_keep = weight * (current[here] != current[there])
        keep_take = weight * (current[here] != number)
        take_keep = weight * (current[there] != number)
        both = inside[here] & inside[there]
        unary[here] += take_keep - keep_keep
        # Where only the second of two is in the patch, the first keeps its label.
        unary[there] += np.where(inside[here], -take_keep, keep_take - keep_keep)
        cost = (keep_take + take_keep - keep_keep)[both]
        graph.add_edges(nodes[here][both], nodes[there][both], cost, np.zeros_like(cost))
    graph.add_grid_tedges(nodes[inside], np.maximum(unary[inside], 0), np.maximum(-unary[inside], 0))
    graph.maxflow()
    taken = np.zeros_like(inside)
    taken[inside] = graph.get_grid_segments(nodes[inside])
    current[taken] = number


def _maxflow() -> Any:
    try:
        import maxflow
    except ImportError as error:
        raise require_extra("PyMaxflow", "gca10") from error
    return maxflow


def _cover(size_hw: tuple[int, ...], side: int) -> list[Patch]:
    """Patches half a side apart that cover the image, row by row; those at the end are cut off."""
    starts = [range(0, max(1, length - side // 2), max(1, side // 2)) for length in size_hw]
    height, width = size_hw
    return [
        Patch(top, left, min(top + side, height), min(left + side, width)) for top in starts[0] for left in starts[1]
    ]


def _nearest_patch(patches: Sequence[Patch], size_hw: tuple[int, ...]) -> Int[np.ndarray, "h w"]:
    """The patch over each pixel whose centre is nearest; the first of equals."""
    labels, nearest = np.zeros(size_hw, np.int64), np.full(size_hw, np.inf)
    for number, (top, left, bottom, right) in enumerate(patches):
        rows = (np.arange(top, bottom) - (top + bottom - 1) / 2)[:, None]
        columns = np.arange(left, right) - (left + right - 1) / 2
        distance = np.maximum(abs(rows), abs(columns))
        closer = distance < nearest[top:bottom, left:right]
        nearest[top:bottom, left:right][closer] = distance[closer]
        labels[top:bottom, left:right][closer] = number
    return labels


def _pairs(size_hw: tuple[int, ...], step: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the pixels are that have a neighbour at ``step``, and where these neighbours are."""
    (height, width), (down, right) = size_hw, step
    rows = slice(0, height - down), slice(down, height)
    columns = (slice(0, width - right), slice(right, width)) if right >= 0 else (slice(-right, width), slice(0, right))
    if not right:
        columns = slice(0, width), slice(0, width)
    return (rows[0], columns[0]), (rows[1], columns[1])


METHOD = Method(
    "gca10",
    propose,
    Gca10Settings,
    learned_from="nothing",
    needs=("maxflow",),
    install=install_command("gca10"),
    speed="600",
)
