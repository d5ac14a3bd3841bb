"""How many Gaussians a class is made of, by the Bayesian information criterion (Schwarz 1978).

A class may look one way from the side and another from the front. The components share one covariance: few samples
each would not tell it.
"""

import numpy as np
from jaxtyping import Float, Int

MAX_DIMENSIONS = 16
SAMPLES_PER_DIMENSION = 5
"""The criterion is taken on the samples' first principal axes: in all dimensions its penalty would forbid any second
component."""
LEAST_MEMBERS = 5


def assign_components(samples: Float[np.ndarray, "n d"], max_components: int) -> Int[np.ndarray, " n"]:
    """The component (0, 1, …) of every sample, of the number of components, at most ``max_components``, with the lowest
    criterion; a number that leaves a component fewer than `LEAST_MEMBERS` samples is passed over.
    """
    best = np.zeros(len(samples), int)
    if max_components < 2 or len(samples) < 2 * LEAST_MEMBERS or np.ptp(samples, axis=0).max() == 0:
        return best
    from sklearn.mixture import GaussianMixture

    reduced = _reduce(samples)
    lowest = np.inf
    for number in range(1, max_components + 1):
        mixture = GaussianMixture(number, covariance_type="tied", random_state=0, reg_covar=1e-6)
        component = mixture.fit_predict(reduced)
        members = np.bincount(component, minlength=number)
        criterion = mixture.bic(reduced)
        if criterion < lowest and members.min() >= LEAST_MEMBERS:
            lowest, best = criterion, component
    return best


def _reduce(samples: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
    """The samples on their first principal axes, in units of the largest deviation."""
    centred = samples - samples.mean(axis=0)
    number = min(MAX_DIMENSIONS, max(1, len(samples) // SAMPLES_PER_DIMENSION), centred.shape[1])
    mixtures, deviations, _ = np.linalg.svd(centred, full_matrices=False)
    scale = deviations[0] / np.sqrt(len(samples)) if deviations[0] > 0 else 1.0
    return np.asarray(mixtures[:, :number] * deviations[:number] / scale)
