"""Means over repeats, and differences between rows, with intervals of Student's t."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel
from scipy import stats

from empaste.settings import Settings

CONFIDENCE = 0.95


class Summary(BaseModel):
    """What the repeats of a row gave: None where too few are defined.

    ``spread`` is the standard deviation over the ``n`` repeats; from ``low`` to ``high`` goes the interval of the mean.
    """

    model_config = Settings.model_config

    n: int
    mean: float | None
    spread: float | None
    low: float | None
    high: float | None


class Difference(BaseModel):
    """A row's mean minus that of the row it is compared with, and the difference's interval.

    ``paired`` says whether it is the mean difference over shared seeds, of which there are ``n``.
    """

    model_config = Settings.model_config

    n: int
    paired: bool
    mean: float
    low: float
    high: float

    @property
    def is_shown(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def summarise(values: Sequence[float | None]) -> Summary:
    """The summary of the repeats' ``values``; those that are None are not counted."""
    defined = [value for value in values if value is not None]
    if not defined:
        return Summary(n=0, mean=None, spread=None, low=None, high=None)
    mean = float(np.mean(defined))
    if len(defined) == 1:
        return Summary(n=1, mean=mean, spread=None, low=None, high=None)
    spread = float(np.std(defined, ddof=1))
    low, high = _interval(mean, spread / math.sqrt(len(defined)), len(defined) - 1)
    return Summary(n=len(defined), mean=mean, spread=spread, low=low, high=high)


def compare(own: Mapping[int, float], other: Mapping[int, float]) -> Difference | None:
    """The difference of ``own`` from ``other``, both by seed; None where there are too few for an interval.

    With two shared seeds or more the test is paired (`scipy.stats.ttest_rel`), else Welch's (`scipy.stats.ttest_ind`).
    """
    shared = sorted(own.keys() & other.keys())
    if len(shared) >= 2:
        differences = [own[seed] - other[seed] for seed in shared]
        mean = float(np.mean(differences))
        if np.ptp(differences) == 0:  # scipy divides by the spread
            return Difference(n=len(shared), paired=True, mean=mean, low=mean, high=mean)
        found = stats.ttest_rel([own[seed] for seed in shared], [other[seed] for seed in shared])
        return _difference(found, mean, len(shared), paired=True)
    if len(own) < 2 or len(other) < 2:
        return None
    mean = float(np.mean(list(own.values())) - np.mean(list(other.values())))
    if np.ptp(list(own.values())) == np.ptp(list(other.values())) == 0:
        return Difference(n=min(len(own), len(other)), paired=False, mean=mean, low=mean, high=mean)
    found = stats.ttest_ind(list(own.values()), list(other.values()), equal_var=False)
    return _difference(found, mean, min(len(own), len(other)), paired=False)


def _difference(found: object, mean: float, n: int, paired: bool) -> Difference:
    low, high = found.confidence_interval(CONFIDENCE)  # type: ignore[attr-defined]  # scipy has no types
    return Difference(n=n, paired=paired, mean=mean, low=float(low), high=float(high))


def _interval(mean: float, error: float, freedom: int) -> tuple[float, float]:
    """The interval of a mean whose standard error is ``error``."""
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return mean - half, mean + half
