"""A label map as a graph of regions: what each region looks like, and how long and strong each common border is.

Everything that merging and scoring need is additive over regions, so both work on these statistics and never on
pixels; masks are drawn once, at the end. A *membership* matrix (segments × regions, bool) stands for segments that are
unions of regions.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

NUM_BINS = 8
"""Bins per channel of the histograms by which regions are contrasted, and per direction of the texture histograms."""

NUM_COLOUR_BINS = 20
"""Bins per channel of the colour histograms by which regions merge."""

NUM_CHANNELS = 4
"""Channels of the histograms: lightness, two colour opponents, gradient magnitude."""

NUM_DIRECTIONS = 8
"""Directions of the lightness gradient that the texture histograms tell apart."""

Channel = tuple[Float[np.ndarray, "h w"], float, float]
"""A value per pixel, and the range that its histogram covers."""

Steps = tuple[Float[np.ndarray, "h1 w"], Float[np.ndarray, "h w1"]]
"""A value per pair of pixels: one above the other, and side by side."""


@dataclass(frozen=True)
class RegionGraph:
    """The regions 0 … n-1 of ``labels`` and what lies between them.

    ``histograms`` hold pixel counts per bin of lightness, two colour opponents and gradient magnitude;
    ``colour_histograms`` in finer bins of the colours; ``texture_histograms`` per direction of the gradient;
    ``colours`` sums of CIE Lab; ``lengths`` the number of pixel pairs across each common border, ``strengths`` the sum
    of the steps across it: colour differences, or, where ``by_contours``, a contour map's values; ``frame_lengths``
    pixels on the image's frame; ``boxes_xyxy`` with exclusive ends.
    """

    labels: Int[np.ndarray, "h w"]
    areas: Float[np.ndarray, " n"]
    boxes_xyxy: Int[np.ndarray, "n 4"]
    colours: Float[np.ndarray, "n 3"]
    histograms: Float[np.ndarray, "n bins"]
    colour_histograms: Float[np.ndarray, "n colour_bins"]
    texture_histograms: Float[np.ndarray, "n texture_bins"]
    lengths: Float[np.ndarray, "n n"]
    strengths: Float[np.ndarray, "n n"]
    frame_lengths: Float[np.ndarray, " n"]
    by_contours: bool = False


def to_lab(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
    """CIE Lab, float32: lightness 0 … 100, opponents about -127 … 127."""
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def describe_regions(
    lab: Float[np.ndarray, "h w 3"], labels: Int[np.ndarray, "h w"], contours: Float[np.ndarray, "h w"] | None = None
) -> RegionGraph:
    """The graph of ``labels``, which use every number from 0 to their maximum; by ``contours`` where there are any."""
    num = int(labels.max()) + 1
    flat = labels.ravel()
    lengths, strengths = _borders(labels, num, colour_steps(lab) if contours is None else contour_steps(contours))
    return RegionGraph(
        labels=labels,
        areas=np.bincount(flat, minlength=num).astype(float),
        boxes_xyxy=_boxes_xyxy(labels, num),
        colours=np.stack([np.bincount(flat, lab[..., c].ravel(), num) for c in range(3)], axis=1),
        histograms=_histograms([*_colour_channels(lab), _gradient_channel(lab)], flat, num, NUM_BINS),
        colour_histograms=_histograms(_colour_channels(lab), flat, num, NUM_COLOUR_BINS),
        texture_histograms=_histograms(_direction_channels(lab), flat, num, NUM_BINS),
        lengths=lengths,
        strengths=strengths,
        frame_lengths=_frame_lengths(labels, num),
        by_contours=contours is not None,
    )


def colour_steps(lab: Float[np.ndarray, "h w 3"]) -> Steps:
    """The colour difference of every two neighbouring pixels."""
    return np.linalg.norm(np.diff(lab, axis=0), axis=2), np.linalg.norm(np.diff(lab, axis=1), axis=2)


def contour_steps(contours: Float[np.ndarray, "h w"]) -> Steps:
    """The mean contour of every two neighbouring pixels."""
    return (contours[:-1] + contours[1:]) / 2, (contours[:, :-1] + contours[:, 1:]) / 2


def border_pairs(
    labels: Int[np.ndarray, "h w"], steps: Steps
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The regions before and behind every pair of pixels that a border parts, and its step."""
    before, behind, parted = [], [], []
    for first, second, step in zip((labels[:-1], labels[:, :-1]), (labels[1:], labels[:, 1:]), steps, strict=True):
        apart = first != second
        before.append(first[apart].astype(np.int64))
        behind.append(second[apart].astype(np.int64))
        parted.append(step[apart])
    return np.concatenate(before), np.concatenate(behind), np.concatenate(parted)


def consecutive(labels: Int[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """The same partition with labels 0 … n-1, each one a 4-connected region."""
    from skimage.measure import label

    numbered: Int[np.ndarray, "h w"] = label(labels, background=-1, connectivity=1).astype(np.int64) - 1
    return numbered


def draw(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Bool[np.ndarray, "s h w"]:
    """The masks of unions of regions."""
    return membership[:, graph.labels]


def segment_boxes_xyxy(membership: Bool[np.ndarray, "s n"], graph: RegionGraph) -> Int[np.ndarray, "s 4"]:
    """The tight boxes of unions of regions, ends exclusive; every union has at least one region."""
    boxes, inside = graph.boxes_xyxy[None], membership[:, :, None]
    starts = np.where(inside, boxes[..., :2], np.iinfo(np.int64).max).min(axis=1)
    ends = np.where(inside, boxes[..., 2:], 0).max(axis=1)
    return np.concatenate([starts, ends], axis=1)


def _borders(
    labels: Int[np.ndarray, "h w"], num: int, steps: Steps
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """Length of the border between every two regions, and the sum of the steps across it."""
    before, behind, step = border_pairs(labels, steps)
    pair = before * num + behind
    lengths = np.bincount(pair, minlength=num * num).reshape(num, num).astype(float)
    strengths = np.bincount(pair, step, num * num).reshape(num, num).astype(float)  # whole numbers of no border at all
    return lengths + lengths.T, strengths + strengths.T


def _boxes_xyxy(labels: Int[np.ndarray, "h w"], num: int) -> Int[np.ndarray, "n 4"]:
    """The tight box of every region."""
    rows, columns = np.indices(labels.shape)
    boxes = np.empty((num, 4), np.int64)
    for at, positions in ((0, columns), (1, rows)):
        starts, ends = np.full(num, np.iinfo(np.int64).max), np.zeros(num, np.int64)
        np.minimum.at(starts, labels, positions)
        np.maximum.at(ends, labels, positions + 1)
        boxes[:, at], boxes[:, at + 2] = starts, ends
    return boxes


def _colour_channels(lab: Float[np.ndarray, "h w 3"]) -> list[Channel]:
    return [(lab[..., 0], 0, 100), (lab[..., 1], -64, 64), (lab[..., 2], -64, 64)]


def _gradient_channel(lab: Float[np.ndarray, "h w 3"]) -> Channel:
    across, down = _gradient(lab[..., 0])
    return np.sqrt(np.hypot(across, down)), 0, 16


def _direction_channels(lab: Float[np.ndarray, "h w 3"]) -> list[Channel]:
    """The gradient of the smoothed lightness along each direction, where it rises."""
    across, down = _gradient(cv2.GaussianBlur(lab[..., 0], (0, 0), 1) / 8)
    angles = 2 * np.pi / NUM_DIRECTIONS * np.arange(NUM_DIRECTIONS)
    return [(np.sqrt(np.maximum(np.cos(angle) * across + np.sin(angle) * down, 0)), 0, 4) for angle in angles]


def _gradient(light: Float[np.ndarray, "h w"]) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    return cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)


def _histograms(
    channels: list[Channel], flat: Int[np.ndarray, " p"], num: int, num_bins: int
) -> Float[np.ndarray, "n bins"]:
    """Pixel counts per region and bin, channels side by side; values outside a channel's range are in its end bins."""
    counts = []
    for channel, low, high in channels:
        bins = np.clip((channel.ravel() - low) * (num_bins / (high - low)), 0, num_bins - 1).astype(np.int64)
        counts.append(np.bincount(flat * num_bins + bins, minlength=num * num_bins).reshape(num, num_bins))
    return np.concatenate(counts, axis=1).astype(float)


def _frame_lengths(labels: Int[np.ndarray, "h w"], num: int) -> Float[np.ndarray, " n"]:
    """Pixels of every region on the image's frame, corners twice."""
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.bincount(frame, minlength=num).astype(float)
