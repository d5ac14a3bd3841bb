"""How much a union of regions looks like one whole thing: the score by which segments are ranked.

score = contrast · (strength · solidity · inwardness² · r/(r + r0))², each factor in [0, 1]:
  contrast    to the regions around, by colour and gradient
  strength    of the boundary, b/(b + b0) for the mean colour step b across it
  solidity    area over that of the convex hull
  inwardness  one minus the share of the image's frame that it covers: what is cut off there is mostly ground
  r           number of regions that it unites: keeps parts from beating the whole (a window, the house)

Where the boundaries are learned contours, the score says how much of the outline lies on one:

score = contrast · (contour · inwardness² · (r/(r + r0))²)² · solidity:
  contour     mean of the contours along the boundary

All come from region statistics (`region_graph`). The exponents are whole numbers near those that a logistic regression
gives for "has an IoU over 0.6 with an instance" (docs/results.md says on which masks), or, with contours, those of
a coarse grid with the highest mean IoU of instances and their best segments (docs/proposals.md); no more is learned.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.proposals.region_graph import RegionGraph, consecutive, describe_regions, draw, to_lab

STRONG_STEP = 15.0
"""``b0``: colour difference (CIE Lab, between neighbouring pixels) at which a boundary counts as half strong."""

MANY_REGIONS = 8.0
"""``r0``: number of regions that counts as half as good as many."""


def partition_segments(
    image: UInt8[np.ndarray, "h w 3"], label_maps: Sequence[Int[np.ndarray, "h w"]], min_area: float = 0.0
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the regions of every label map that cover at least ``min_area`` of the image, each once.

    A label in several pieces gives several regions.
    """
    lab = to_lab(image)
    graphs = [describe_regions(lab, consecutive(labels)) for labels in label_maps]
    members = [np.eye(len(graph.areas), dtype=bool)[graph.areas >= min_area * lab[..., 0].size] for graph in graphs]
    masks = np.concatenate([draw(member, graph) for member, graph in zip(members, graphs, strict=True)])
    scores = np.concatenate([objectness(member, graph) for member, graph in zip(members, graphs, strict=True)])
    _, first = np.unique(np.packbits(masks.reshape(len(masks), -1), axis=1), axis=0, return_index=True)
    kept = np.sort(first)
    return masks[kept], scores[kept]


def objectness(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Float[np.ndarray, " s"]:
    """The score of every segment, in [0, 1]; 0 for a segment that is the whole image."""
    inside = membership.astype(float)
    outline = (inside @ graph.lengths) * (1 - inside)
    step = ((inside @ graph.strengths) * (1 - inside)).sum(axis=1) / np.maximum(outline.sum(axis=1), 1)
    inwardness = 1 - inside @ graph.frame_lengths / graph.frame_lengths.sum()
    regions, solidity = membership.sum(axis=1), _solidity(membership, graph)
    contrast = _contrast(inside, outline, graph)
    scores: Float[np.ndarray, " s"]
    if graph.by_contours:
        wholeness = regions / (regions + MANY_REGIONS)
        scores = contrast * (step * inwardness**2 * wholeness**2) ** 2 * solidity
    else:
        strength, wholeness = step / (step + STRONG_STEP), solidity * regions / (regions + MANY_REGIONS)
        scores = contrast * (strength * inwardness**2 * wholeness) ** 2
    return scores


def _contrast(
    inside: Float[np.ndarray, "s n"], outline: Float[np.ndarray, "s n"], graph: RegionGraph
) -> Float[np.ndarray, " s"]:
    """One minus the histogram intersection of a segment with the regions along its outline."""
    own = inside @ graph.histograms
    around = outline @ (graph.histograms / graph.areas[:, None])
    own, around = (h / np.maximum(h.sum(axis=1, keepdims=True), 1e-12) for h in (own, around))
    return np.where(around.any(axis=1), 1 - np.minimum(own, around).sum(axis=1), 0)


def _solidity(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Float[np.ndarray, " s"]:
    """Area over the area of the convex hull, at most 1."""
    corners = _corners(graph)
    hulls = [_hull_area(np.concatenate([corners[i] for i in np.flatnonzero(row)])) for row in membership]
    solidity: Float[np.ndarray, " s"] = np.minimum(membership @ graph.areas / np.maximum(hulls, 1), 1)
    return solidity


def _corners(graph: RegionGraph) -> list[Int[np.ndarray, "_ 2"]]:
    """Per region, the corners of the pixels on its own convex hull."""
    order = np.argsort(graph.labels, axis=None, kind="stable")
    rows, columns = np.divmod(order, graph.labels.shape[1])
    cuts = np.cumsum(graph.areas.astype(int))[:-1]
    points = np.stack([columns, rows], axis=1).astype(np.int32)
    return [_pixel_corners(cv2.convexHull(part)[:, 0]) for part in np.split(points, cuts)]


def _pixel_corners(pixels: Int[np.ndarray, "k 2"]) -> Int[np.ndarray, "k4 2"]:
    steps = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32)
    return (pixels[:, None] + steps).reshape(-1, 2)


def _hull_area(points: Int[np.ndarray, "k 2"]) -> float:
    return float(cv2.contourArea(cv2.convexHull(points)))
