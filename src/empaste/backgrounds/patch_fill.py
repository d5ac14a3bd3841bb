"""Fill holes of an image with texture of the rest of it: multi-scale patch-based completion.

Wexler, Shechtman & Irani (2007) with the search of PatchMatch (Barnes et al. 2009): from coarse to fine, every pixel
near the hole is given the place ``source`` in the known part whose surroundings look most alike, and the hole is
painted anew by the votes of those places. At the finest level pixels are copied, so nothing is blurred.

Notes: patches are compared in a fixed basis (the lowest cosines of a 7×7 patch: nine of lightness, three of each
chroma) that one convolution gives for all pixels; places at the same height are preferred, which keeps sky up and
ground down. All pixels search at once. Nothing depends on the number of threads.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

RADIUS = 3
"""Of the patches that are compared, in pixels."""

COARSEST_SIDE = 24
"""The pyramid starts about here, in pixels of the shorter side."""

HEIGHT_WEIGHT = 60.0
"""What a difference of the image's whole height costs, in levels of lightness over a whole patch."""

STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0), (2, 2), (-2, -2), (2, -2), (-2, 2))
"""Rows and columns to the neighbours whose offsets are tried."""

MARGIN = 2
"""Of nothing known around an image that is searched: the farthest of `STEPS`."""

MAX_TONE = 40.0
"""The largest correction of tone at the rim, in levels of 255: more is a difference of content, not of light."""


@dataclass
class Level:
    """One scale: ``lab`` (h, w, 3) with the hole as painted so far, the hole, and where a whole patch is known."""

    lab: Float32[np.ndarray, "h w 3"]
    hole: Bool[np.ndarray, "h w"]
    valid: Bool[np.ndarray, "h w"]


def fill_hole(
    image: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"], rng: np.random.Generator, max_side: int = 160
) -> UInt8[np.ndarray, "h w 3"] | None:
    """``image`` with ``hole`` filled from the rest; pixels outside the hole stay as they are.

    The search runs at most at ``max_side`` pixels; a larger image is filled by copying its own pixels along the offsets
    found. None where no whole patch is known. An empty hole gives the image back.
    """
    if not hole.any():
        return image.copy()
    levels = _pyramid(image, hole, max_side)
    if levels is None:
        return None
    source = None
    for index, level in enumerate(levels):
        if source is None:
            _paint_smoothly(level)
        source = _start(level, source, rng)
        rounds = 6 if index == 0 else (4 if index < len(levels) - 1 else 2)
        source = _optimise(level, source, rounds, rng, copy_last=index == len(levels) - 1)
    assert source is not None
    return _copy(image, hole, source, levels[-1])


def _pyramid(image: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"], max_side: int) -> list[Level] | None:
    """The levels from coarse to fine, or None where the finest has no known patch."""
    height, width = hole.shape
    scale = min(1.0, max_side / max(height, width))
    levels: list[Level] = []
    while True:
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        level = _level(image, hole, size_wh)
        if not level.valid.any():
            break
        levels.append(level)
        if min(size_wh) < 2 * COARSEST_SIDE:
            break
        scale /= 2
    return levels[::-1] or None


def _level(image: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"], size_wh: tuple[int, int]) -> Level:
    """``image`` at ``size_wh``; a coarse pixel is the mean of what is known in it, and hole where most of it is."""
    known = (~hole).astype(np.float32)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) * known[..., None]
    share = cv2.resize(known, size_wh, interpolation=cv2.INTER_AREA)
    lab = cv2.resize(lab, size_wh, interpolation=cv2.INTER_AREA) / np.maximum(share, 1e-6)[..., None]
    small_hole = share < (0.5 if size_wh[0] < hole.shape[1] else 1.0)
    whole = cv2.erode((~small_hole).astype(np.uint8), np.ones((2 * RADIUS + 1,) * 2, np.uint8), borderValue=0)
    return Level(lab, small_hole, whole.astype(bool))


def _paint_smoothly(level: Level) -> None:
    """A first guess of the hole's colours: the nearest known ones, blurred."""
    from scipy.ndimage import distance_transform_edt  # half a second, which no command that reads parameters needs

    rows, columns = distance_transform_edt(level.hole, return_distances=False, return_indices=True)
    level.lab[level.hole] = cv2.blur(level.lab[rows, columns], (5, 5))[level.hole]


def _targets(level: Level) -> Int[np.ndarray, "n 2"]:
    """Row and column of the pixels whose patch touches the hole."""
    return np.argwhere(cv2.dilate(level.hole.astype(np.uint8), np.ones((2 * RADIUS + 1,) * 2, np.uint8)))


def _start(
    level: Level, coarser: Int[np.ndarray, "h2 w2 2"] | None, rng: np.random.Generator
) -> Int[np.ndarray, "h w 2"]:
    """A source for every pixel: the coarser level's offset, or a random place at about the same height."""
    height, width = level.hole.shape
    rows, columns = np.indices((height, width))
    places = np.argwhere(level.valid)
    order = np.clip(np.searchsorted(places[:, 0], rows.ravel()) + _jitter(rng, rows.size, len(places)), 0, None)
    source: np.ndarray = places[np.minimum(order, len(places) - 1)].reshape(height, width, 2)
    if coarser is not None:
        ratio = np.array([height / coarser.shape[0], width / coarser.shape[1]])
        up_rows = np.minimum((rows / ratio[0]).astype(int), coarser.shape[0] - 1)
        up_columns = np.minimum((columns / ratio[1]).astype(int), coarser.shape[1] - 1)
        offset = coarser[up_rows, up_columns] - np.stack([up_rows, up_columns], axis=-1)
        moved = np.stack([rows, columns], axis=-1) + np.rint(offset * ratio).astype(int)
        fits = _is_valid(level, moved)
        source = np.where(fits[..., None], moved, source)
        level.lab[level.hole] = level.lab[source[..., 0], source[..., 1]][level.hole]
    return source


def _jitter(rng: np.random.Generator, size: int, num_places: int) -> Int[np.ndarray, " n"]:
    """``size`` random steps along places in order of their rows: an eighth of all, either way."""
    reach = max(1, num_places // 8)
    return rng.integers(-reach, reach + 1, size)


def _is_valid(level: Level, places: Int[np.ndarray, "... 2"]) -> Bool[np.ndarray, "..."]:
    """Whether each place (row, column) has a wholly known patch."""
    height, width = level.hole.shape
    inside = (places[..., 0] >= 0) & (places[..., 0] < height) & (places[..., 1] >= 0) & (places[..., 1] < width)
    is_known: np.ndarray = inside & level.valid[places[..., 0].clip(0, height - 1), places[..., 1].clip(0, width - 1)]
    return is_known


def _optimise(
    level: Level, source: Int[np.ndarray, "h w 2"], rounds: int, rng: np.random.Generator, copy_last: bool
) -> Int[np.ndarray, "h w 2"]:
    """Search and paint in turn; the sources found, and ``level.lab`` painted from them."""
    targets = _targets(level)
    if not len(targets):  # a small hole vanishes at a coarse scale
        return source
    search, vote = Search(level, targets), Vote(level, targets)
    for number in range(rounds):
        cost = search(_features(level), source, rng)
        if copy_last and number == rounds - 1:
            level.lab[level.hole] = level.lab[source[..., 0], source[..., 1]][level.hole]
        else:
            vote(source, cost)
    return source


def _features(level: Level) -> Float32[np.ndarray, "h w 16"]:
    """Every pixel's patch in the fixed basis, and its height."""
    lightness = [cv2.filter2D(level.lab[..., 0], -1, kernel, borderType=cv2.BORDER_REFLECT) for kernel in BASIS]
    chroma = [
        cv2.filter2D(level.lab[..., channel], -1, kernel, borderType=cv2.BORDER_REFLECT)
        for channel in (1, 2)
        for kernel in BASIS[:3]
    ]
    height, width = level.hole.shape
    rows = np.linspace(0, HEIGHT_WEIGHT * (2 * RADIUS + 1), height, dtype=np.float32)
    return np.stack([*lightness, *chroma, np.repeat(rows[:, None], width, axis=1)], axis=-1)


class Search:
    """Better sources for ``targets``: neighbours' offsets, then random places nearer and nearer.

    Places are numbers in an image with a margin of nothing known, so that a step over an edge is seen as one.
    """

    def __init__(self, level: Level, targets: Int[np.ndarray, "n 2"]) -> None:
        height, width = level.hole.shape
        self.targets, self.bounds = targets, np.array([height, width]) - 1
        self.stride = width + 2 * MARGIN
        self.is_valid = np.pad(level.valid, MARGIN).ravel()
        self.at = self._numbers(targets)
        neighbours = [np.clip(targets + step, 0, self.bounds) for step in STEPS]
        self.neighbours = [self._numbers(places) for places in neighbours]

    def __call__(
        self, features: Float32[np.ndarray, "h w 16"], source: Int[np.ndarray, "h w 2"], rng: np.random.Generator
    ) -> Float32[np.ndarray, " n"]:
        """Improves ``source`` in place; the costs at the targets."""
        padded = np.pad(features, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))).reshape(-1, features.shape[-1])
        numbers = np.pad(self._numbers(source), MARGIN).ravel()
        wanted = padded.take(self.at, axis=0)
        best = numbers.take(self.at)
        cost = _cost(padded.take(best, axis=0), wanted)

        def consider(candidates: np.ndarray, fits: np.ndarray) -> None:
            places = np.flatnonzero(fits)
            chosen = candidates[places]
            new_cost = _cost(padded.take(chosen, axis=0), wanted.take(places, axis=0))
            better = new_cost < cost[places]
            best[places[better]], cost[places[better]] = chosen[better], new_cost[better]

        for neighbours in self.neighbours:
            numbers[self.at] = best
            candidates = numbers.take(neighbours) - (neighbours - self.at)
            consider(candidates, self.is_valid.take(candidates))
        for reach in (1.0, 0.35, 0.12, 0.04):
            span = np.maximum(1, reach * self.bounds)
            moved = self._places(best) + np.rint(rng.uniform(-1, 1, self.targets.shape) * span).astype(int)
            candidates = self._numbers(np.clip(moved, -1, self.bounds + 1))  # beyond the edge by one is as unknown
            consider(candidates, self.is_valid.take(candidates))
        source[self.targets[:, 0], self.targets[:, 1]] = self._places(best)
        return cost

    def _numbers(self, places: Int[np.ndarray, "... 2"]) -> Int[np.ndarray, "..."]:
        numbers: np.ndarray = (places[..., 0] + MARGIN) * self.stride + places[..., 1] + MARGIN
        return numbers

    def _places(self, numbers: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n 2"]:
        return np.stack(np.divmod(numbers, self.stride), axis=-1) - MARGIN


def _cost(features: Float32[np.ndarray, "n d"], wanted: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, " n"]:
    """The squared distance of each row; ``features`` is used up."""
    features -= wanted
    np.square(features, out=features)
    costs: Float32[np.ndarray, " n"] = features.sum(axis=1)
    return costs


class Vote:
    """Paints the hole of ``level`` with the mean of what all patches over a pixel say, those that fit well most."""

    def __init__(self, level: Level, targets: Int[np.ndarray, "n 2"]) -> None:
        self.level, self.targets = level, targets
        height, width = level.hole.shape
        self.stride = width + 2 * RADIUS
        # Which target stands at a pixel; the number after the last one where none does, beyond the image's edge.
        self.standing = np.full((height + 2 * RADIUS) * self.stride, len(targets))
        self.standing[(targets[:, 0] + RADIUS) * self.stride + targets[:, 1] + RADIUS] = np.arange(len(targets))
        rows, columns = np.nonzero(level.hole)
        self.pixels = (rows + RADIUS) * self.stride + columns + RADIUS

    def __call__(self, source: Int[np.ndarray, "h w 2"], cost: Float32[np.ndarray, " n"]) -> None:
        """``level.lab`` is painted by the patches at ``source``, weighed by their ``cost`` at the targets."""
        height, width = self.level.hole.shape
        weight = np.exp(-cost / (2 * np.percentile(cost, 75) + 1e-6)).astype(np.float32) + np.float32(1e-6)
        weight = np.append(weight, np.float32(0))
        places = source[self.targets[:, 0], self.targets[:, 1]] @ [width, 1]
        places = np.append(places, places[0])  # any whole patch: it has no weight
        colours = np.concatenate([self.level.lab, np.ones((height, width, 1), np.float32)], axis=-1).reshape(-1, 4)
        total = np.zeros((len(self.pixels), 4), np.float32)
        for row in range(-RADIUS, RADIUS + 1):
            for column in range(-RADIUS, RADIUS + 1):
                voter = self.standing.take(self.pixels - row * self.stride - column)
                said = colours.take(places.take(voter) + row * width + column, axis=0)
                said *= weight.take(voter)[:, None]
                total += said
        self.level.lab[self.level.hole] = total[:, :3] / total[:, 3:]


def _copy(
    image: UInt8[np.ndarray, "h w 3"], hole: Bool[np.ndarray, "h w"], source: Int[np.ndarray, "h2 w2 2"], finest: Level
) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` with the hole copied along the offsets of the finest level, its tone led over from the rim."""
    painted = np.rint(cv2.cvtColor(finest.lab, cv2.COLOR_LAB2RGB).clip(0, 1) * 255).astype(np.uint8)
    painted = cv2.resize(painted, (hole.shape[1], hole.shape[0]), interpolation=cv2.INTER_LINEAR)
    from_rows, from_columns = _enlarged(source, hole.shape)
    known = ~hole[from_rows, from_columns]
    copied = np.where(known[..., None], image[from_rows, from_columns], painted).astype(np.float32)
    tone = _tone_at_rim(image, hole, copied, known, reach=max(4.0, 0.04 * max(hole.shape)))
    toned = np.rint(copied + tone).clip(0, 255).astype(np.uint8)
    return np.where(hole[..., None], toned, image)


def _enlarged(
    source: Int[np.ndarray, "h2 w2 2"], size_hw: tuple[int, ...]
) -> tuple[Int[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
    """Rows and columns, for every pixel of an image of ``size_hw``, that ``source`` of a smaller image leads to."""
    small_hw = source.shape[:2]
    places = np.indices(size_hw)
    small = [np.minimum(places[axis] * small_hw[axis] // size_hw[axis], small_hw[axis] - 1) for axis in (0, 1)]
    offset = source[small[0], small[1]] - np.stack(small, axis=-1)
    rows, columns = (
        (places[axis] + np.rint(offset[..., axis] * size_hw[axis] / small_hw[axis]).astype(int)).clip(
            0, size_hw[axis] - 1
        )
        for axis in (0, 1)
    )
    return rows, columns


def _tone_at_rim(
    image: UInt8[np.ndarray, "h w 3"],
    hole: Bool[np.ndarray, "h w"],
    copied: Float32[np.ndarray, "h w 3"],
    known: Bool[np.ndarray, "h w"],
    reach: float,
) -> Float32[np.ndarray, "h w 3"]:
    """What to add to ``copied`` so that its tone meets that of ``image`` at the rim; fades over ``reach`` pixels."""
    rim = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RADIUS + 1,) * 2, np.uint8)).astype(bool) & ~hole & known
    difference = np.where(rim[..., None], image.astype(np.float32) - copied, 0).clip(-MAX_TONE, MAX_TONE)
    share = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), reach)
    spread = cv2.GaussianBlur(difference.astype(np.float32), (0, 0), reach)
    added: Float32[np.ndarray, "h w 3"] = spread / np.maximum(share, 0.1)[..., None]
    return added


def _cosines() -> list[Float32[np.ndarray, "k k"]]:
    """The lowest two-dimensional cosines of a patch, orthonormal, constant first."""
    span = 2 * RADIUS + 1
    place = (np.arange(span) + 0.5) * np.pi / span
    waves = [np.cos(order * place) * np.sqrt((1 if order == 0 else 2) / span) for order in range(3)]
    orders = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2)]
    return [np.outer(waves[row], waves[column]).astype(np.float32) for row, column in orders]


BASIS = _cosines()
