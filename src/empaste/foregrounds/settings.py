"""The section ``foregrounds`` of ``params.yaml``: F-EM."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from empaste.settings import Count, Fraction, NonNegative, Positive, PositiveFloat, Settings


def _percent_or_schedule(value: object) -> object:
    """``value`` where it is a share in percent, or a list of such; said in one line, not one per alternative."""
    shares = value if isinstance(value, list) and value else [value]
    if any(isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 100 for share in shares):
        raise ValueError("write a number over 0 and up to 100, or a list with one per iteration such as [30, 50, 70]")
    return value


PercentOrSchedule = Annotated[float | list[float], BeforeValidator(_percent_or_schedule)]


class ForegroundsSettings(Settings):
    """F-EM."""

    initial: Literal["published", "crop", "evidence"]
    num_nearest: Positive
    iterations: Count
    keep_percent: PercentOrSchedule
    folds: Positive
    distance: Literal["mahalanobis", "relative_mahalanobis", "cosine", "centred_cosine"]
    covariance: Literal["ledoit_wolf", "oas", "identity_shrinkage", "pca_ledoit_wolf", "diagonal"]
    shrinkage: Fraction
    components: PositiveFloat
    normalise: bool
    evidence_weight: NonNegative
    num_best: Count
    max_components: Positive
    max_instances: Positive
    instance_quantile: Fraction
    instance_overlap: Fraction
    min_prob: Fraction
