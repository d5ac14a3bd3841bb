"""Which foregrounds are pasted: the distribution ``p`` of EM-Paste §3, and beyond the papers two that they leave open.

A selection gives every foreground of the pool a weight, once per pool; draws then are independent, by weight and with
replacement, so that more foregrounds than the pool holds may be asked for. A weight is of no unit, and never negative.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from empaste.errors import InputError
from empaste.paste.foregrounds import Foreground
from empaste.paste.settings import PasteSettings

DRAWS = "draws.npy"
"""The file beside the pools of cutouts that holds the weights, summed up."""


class PoolColumns(NamedTuple):
    """What a selection knows of the pool: class, image and confidence of each foreground; NaN where it has none."""

    class_ids: Int[np.ndarray, " n"]
    image_ids: Int[np.ndarray, " n"]
    confidences: Float[np.ndarray, " n"]


Weigh = Callable[[PoolColumns, PasteSettings], Float[np.ndarray, " n"]]
"""A selection: the weights of the pool's foregrounds."""


def columns_of(foregrounds: list[Foreground]) -> PoolColumns:
    """What a selection knows of ``foregrounds``, in their order."""
    confidences = [np.nan if one.confidence is None else one.confidence for one in foregrounds]
    return PoolColumns(
        np.array([one.class_id for one in foregrounds], np.int64),
        np.array([one.image_id for one in foregrounds], np.int64),
        np.array(confidences, float),
    )


def weigh_uniform(pool: PoolColumns, settings: PasteSettings) -> Float[np.ndarray, " n"]:
    """Every foreground weighs the same."""
    return np.ones(len(pool.class_ids))


def weigh_balanced(pool: PoolColumns, settings: PasteSettings) -> Float[np.ndarray, " n"]:
    """Every class that has a foreground weighs the same, and each foreground within its class."""
    _, class_index, sizes = np.unique(pool.class_ids, return_inverse=True, return_counts=True)
    return 1 / sizes[class_index]


def weigh_repeat_factor(pool: PoolColumns, settings: PasteSettings) -> Float[np.ndarray, " n"]:
    """A foreground weighs as often as its image is repeated: ``r_i = max over c in i of max(1, sqrt(t / f_c))``.

    ``f_c`` is the share of the images with foregrounds that have one of class ``c``, ``t`` the ``repeat_threshold``:
    classes of at least that share keep their weight. In an image of several classes the rarest decides, for all its
    foregrounds (Gupta et al., LVIS, CVPR 2019, §5; there t = 0.001 for 1,203 classes).
    """
    images, image_index = np.unique(pool.image_ids, return_inverse=True)
    classes, class_index = np.unique(pool.class_ids, return_inverse=True)
    pairs = np.unique(image_index * len(classes) + class_index)  # each class of each image, once
    shares = np.bincount(pairs % len(classes), minlength=len(classes)) / len(images)
    repeats = np.maximum(1, np.sqrt(settings.repeat_threshold / shares))
    per_image = np.zeros(len(images))
    np.maximum.at(per_image, image_index, repeats[class_index])
    factors: Float[np.ndarray, " n"] = per_image[image_index]
    return factors


def weigh_confidence(pool: PoolColumns, settings: PasteSettings) -> Float[np.ndarray, " n"]:
    """Within its class a foreground weighs ``confidence ** (1 / T)``; each class keeps its share of the pool.

    T is the ``confidence_temperature``: at 1 the weight is the confidence itself, towards 0 only the surest of a class
    are drawn, far above 1 all alike. The classes' shares are kept because one class may be harder to be sure of than
    another. A class whose confidences are all 0 is drawn uniformly. `InputError` where a foreground has no confidence.
    """
    if np.isnan(pool.confidences).any():
        raise InputError(
            "paste.selection is 'confidence', but the foregrounds have none (ground truth), or not all of them have a "
            "score (a file); choose from uniform, balanced, repeat_factor, or set paste.foregrounds to fem or step1"
        )
    with np.errstate(divide="ignore"):
        logs = np.log(pool.confidences) / settings.confidence_temperature
    _, class_index, sizes = np.unique(pool.class_ids, return_inverse=True, return_counts=True)
    surest = np.full(len(sizes), -np.inf)
    np.maximum.at(surest, class_index, logs)
    logs[np.isneginf(surest)[class_index]] = 0
    weights = np.exp(logs - np.where(np.isneginf(surest), 0, surest)[class_index])
    scaled: Float[np.ndarray, " n"] = weights * (sizes / np.bincount(class_index, weights))[class_index]
    return scaled


def write_draws(folder: Path, weights: Float[np.ndarray, " n"]) -> None:
    """``folder`` holds what `draw` needs to draw by ``weights``, of which at least one is over 0."""
    folder.mkdir(parents=True, exist_ok=True)
    summed = np.cumsum(weights)
    np.save(folder / DRAWS, summed / summed[-1])


@lru_cache(maxsize=2)
def open_draws(folder: Path) -> Float[np.ndarray, " n"]:
    """What `write_draws` wrote, read once per process; it is never rewritten in place."""
    shares_up_to: Float[np.ndarray, " n"] = np.load(folder / DRAWS)
    return shares_up_to


def draw(shares_up_to: Float[np.ndarray, " n"], num: int, rng: np.random.Generator) -> Int[np.ndarray, " num"]:
    """``num`` positions of the pool; ``shares_up_to`` rises from position to position by the chance of each, to 1."""
    return np.searchsorted(shares_up_to, rng.random(num), side="right")
