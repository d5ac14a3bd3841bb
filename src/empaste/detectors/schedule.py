"""The learning rate and the images of every step, as they follow from the parameters (EM-Paste §4).

The papers: SGD at a learning rate of 0.1 for batches of 128, large-scale jittering, pretrained backbone. For batches of
another size the rate is scaled with the batch (the linear rule: Goyal et al. 2017). The steps of the schedule are those
of long trainings (Ghiasi et al. 2021): a tenth from 8/9 of the iterations on, a hundredth from 26/27 on.
"""

import math
from collections.abc import Callable

import numpy as np

from empaste.detectors.settings import TrainSettings

FINAL_RATE = 0.01
"""Share of the peak learning rate at the end of a cosine."""
FALLS = ((8 / 9, 0.1), (26 / 27, 0.01))
"""Share of the iterations from which on a schedule of steps is at this share of the peak."""
ORDER = 1
"""Stream of random numbers."""


def peak_rate(settings: TrainSettings) -> float:
    """The learning rate for ``batch_size`` images: ``learning_rate`` is for ``reference_batch`` (0: for any)."""
    return settings.learning_rate * (settings.batch_size / settings.reference_batch if settings.reference_batch else 1)


def learning_rate(settings: TrainSettings, iteration: int) -> float:
    """The learning rate of a step, counted from 0: a linear rise to the peak, then down by the schedule."""
    warm_up = max(1, round(settings.warm_up * settings.iterations))
    if iteration < warm_up:
        return peak_rate(settings) * (iteration + 1) / warm_up
    return peak_rate(settings) * SCHEDULES[settings.schedule](iteration, warm_up, settings.iterations)


def batch_places(num_items: int, batch_size: int, iteration: int, seed: int) -> list[int]:
    """The items of a step: the items in a new random order per pass, cut into batches that run on over the passes."""
    positions = range(iteration * batch_size, (iteration + 1) * batch_size)
    orders = {epoch: _order(num_items, epoch, seed) for epoch in {position // num_items for position in positions}}
    return [int(orders[position // num_items][position % num_items]) for position in positions]


def _order(num_items: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, ORDER]).permutation(num_items)


def _cosine(iteration: int, warm_up: int, iterations: int) -> float:
    """The share of the peak on half a cosine from the warm-up's end to `FINAL_RATE`."""
    progress = (iteration - warm_up) / max(1, iterations - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * progress)) / 2


def _steps(iteration: int, warm_up: int, iterations: int) -> float:
    """The share of the peak by `FALLS`."""
    return min([1.0, *(share for start, share in FALLS if iteration >= start * iterations)])


SCHEDULES: dict[str, Callable[[int, int, int], float]] = {"cosine": _cosine, "steps": _steps}
