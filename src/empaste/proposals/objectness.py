"""How much a union of regions looks like one whole thing: the score by which segments are ranked.

score = contrast to the regions around × strength of the boundary × solidity² × share of the outline that lies inside
the image × s/(s + s0) · (1 - s)² for its share s of the image, each factor in [0, 1]. The last one keeps parts from
beating the whole (a window, the house) and the ground from beating what stands on it. All come from region statistics
(`region_graph`); nothing is learned.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.proposals.region_graph import RegionGraph, consecutive, describe_regions, draw, to_lab

STRONG_STEP = 15.0
"""Colour difference (CIE Lab, between neighbouring pixels) at which a boundary counts as half strong."""

COMMON_SHARE = 0.1
"""``s0``: share of the image that counts as half as good as a large one."""


def partition_segments(
    image: UInt8[np.ndarray, "h w 3"], label_maps: Sequence[Int[np.ndarray, "h w"]]
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of every region of every label map, each once; a label in several pieces gives several."""
    lab = to_lab(image)
    graphs = [describe_regions(lab, consecutive(labels)) for labels in label_maps]
    members = [np.eye(len(graph.areas), dtype=bool) for graph in graphs]
    masks = np.concatenate([draw(member, graph) for member, graph in zip(members, graphs, strict=True)])
    scores = np.concatenate([objectness(member, graph) for member, graph in zip(members, graphs, strict=True)])
    _, first = np.unique(np.packbits(masks.reshape(len(masks), -1), axis=1), axis=0, return_index=True)
    kept = np.sort(first)
    return masks[kept], scores[kept]


def objectness(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Float[np.ndarray, " s"]:
    """The score of every segment, in [0, 1]; 0 for a segment that is the whole image."""
    inside = membership.astype(float)
    outline, frame = _outlines(inside, graph)
    perimeter = outline.sum(axis=1)
    boundary = ((inside @ graph.strengths) * (1 - inside)).sum(axis=1) / np.maximum(perimeter, 1)
    free = perimeter / np.maximum(perimeter + frame, 1)
    areas = inside @ graph.areas
    share = areas / graph.areas.sum()
    strength = boundary / (boundary + STRONG_STEP)
    size = share / (share + COMMON_SHARE) * (1 - share) ** 2
    return _contrast(inside, outline, graph) * strength * _solidity(membership, graph, areas) ** 2 * free * size


def _outlines(inside: Float[np.ndarray, "s n"], graph: RegionGraph) -> tuple[np.ndarray, np.ndarray]:
    """Length of the border of each segment with each region outside it, and with the image's frame."""
    return (inside @ graph.lengths) * (1 - inside), inside @ graph.frame_lengths


def _contrast(
    inside: Float[np.ndarray, "s n"], outline: Float[np.ndarray, "s n"], graph: RegionGraph
) -> Float[np.ndarray, " s"]:
    """One minus the histogram intersection of a segment with the regions along its outline."""
    own = inside @ graph.histograms
    around = outline @ (graph.histograms / graph.areas[:, None])
    own, around = (h / np.maximum(h.sum(axis=1, keepdims=True), 1e-12) for h in (own, around))
    return np.where(around.any(axis=1), 1 - np.minimum(own, around).sum(axis=1), 0)


def _solidity(
    membership: Bool[np.ndarray, "s n"], graph: RegionGraph, areas: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """Area over the area of the convex hull, at most 1."""
    corners = _corners(graph)
    hulls = [_hull_area(np.concatenate([corners[i] for i in np.flatnonzero(row)])) for row in membership]
    return np.minimum(areas / np.maximum(hulls, 1), 1)


def _corners(graph: RegionGraph) -> list[Int[np.ndarray, "k 2"]]:
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
