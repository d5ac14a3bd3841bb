"""The maths of F-EM on points with known answers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from empaste.foregrounds import embedding
from empaste.foregrounds.covariances import COVARIANCES
from empaste.foregrounds.distances import DISTANCES
from empaste.foregrounds.em import Candidates, Choice, alternate, choose_again, deal, maximise, standardise, weigh
from empaste.foregrounds.embedding import embed
from empaste.foregrounds.metric import Metric, fit_class, fit_features, fit_metric, measure, measure_everything
from tests.foregrounds.conftest import settings_of

CORNERS = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
CROSS = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])


def metric_of(
    phi: np.ndarray, distance: str = "mahalanobis", covariance: str = "identity_shrinkage", **settings: Any
) -> Metric:
    return fit_metric(phi, settings_of(**{"shrinkage": 0.0, "distance": distance, "covariance": covariance} | settings))


def embedded(phi: np.ndarray, distance: str, normalise: bool = False, components: float | None = None) -> np.ndarray:
    projection = {} if components is None else {"covariance": "pca_ledoit_wolf", "components": components}
    settings = settings_of(distance=distance, normalise=normalise, **projection)
    return embed(phi, DISTANCES[distance].embed(phi, settings))


class TestEmbedding:
    def test_centred_cosine_takes_off_what_all_share(self) -> None:
        features = embedded(np.array([[10.0, 1], [10, -1]]), "centred_cosine")
        assert features == pytest.approx(np.array([[0, 1], [0, -1]]))

    def test_unit_length_and_zero_vectors(self) -> None:
        features = embedded(np.array([[3.0, 4], [0, 0]]), "mahalanobis", normalise=True)
        assert features == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))

    @pytest.mark.parametrize("components", [1, 0.9])
    def test_projected_on_what_varies_most(self, components: float) -> None:
        features = embedded(CROSS * [3, 1] + 5, "mahalanobis", components=components)
        assert features.shape == (4, 1)
        assert sorted((features - features.mean()).ravel().round(6).tolist()) == [-6, 0, 0, 6]

    def test_all_of_the_variance_is_all_axes_that_vary(self) -> None:
        flat = np.concatenate([CROSS, np.full((4, 1), 3.0)], axis=1)
        assert embedded(flat, "mahalanobis", components=0.999).shape == (4, 2)
        assert embedded(np.ones((4, 3)), "mahalanobis", components=0.999).shape == (4, 1)

    def test_cosines_are_not_projected(self) -> None:
        assert embedded(CROSS, "cosine", components=1).shape == (4, 2)

    @pytest.mark.parametrize("distance", DISTANCES)
    def test_precision_is_kept(self, distance: str) -> None:
        assert embedded(CROSS.astype(np.float32), distance, True, 1).dtype == np.float32


class TestDistances:
    def test_mahalanobis_counts_standard_deviations(self) -> None:
        metric = metric_of(CROSS)
        at = measure(np.array([[0.0, 0], [np.sqrt(2), 0], [0, np.sqrt(0.5)]]), fit_class(CROSS, metric), metric)
        assert at == pytest.approx([0, 1, 1], rel=1e-4)

    def test_relative_distance_is_a_difference_of_squares(self) -> None:
        phi = np.concatenate([CORNERS * 3, CORNERS + 5])
        metric = metric_of(phi, "relative_mahalanobis")
        everything = embedded(phi, "relative_mahalanobis")
        own = fit_class(everything[4:], metric)
        point = everything[4:].mean(axis=0, keepdims=True)
        far = point[0] @ np.linalg.inv(np.cov(everything.T, bias=True)) @ point[0]
        assert measure(point, own, metric) == pytest.approx([-far], rel=1e-4)

    def test_what_a_relative_distance_takes_off_is_measured_once(self) -> None:
        phi = np.random.default_rng(0).normal(size=(20, 3)) * [1, 2, 5]
        for distance, taken in (("relative_mahalanobis", True), ("mahalanobis", False)):
            taken_off = measure_everything(phi, metric_of(phi, distance, "ledoit_wolf"))
            assert taken_off.any() == taken

    def test_cosine_ignores_length(self) -> None:
        features = embedded(np.array([[3.0, 0], [0.5, 0], [0, 2]]), "cosine")
        metric = metric_of(features, "cosine")
        assert measure(features, fit_class(features[:1], metric), metric) == pytest.approx([0, 0, 1])

    @pytest.mark.parametrize("distance", DISTANCES)
    def test_a_mixture_measures_to_its_nearest_component(self, distance: str) -> None:
        rng = np.random.default_rng(0)
        sides = rng.normal(size=(2, 20, 6)) * 0.1 + 5 * np.eye(6)[:2, None]
        phi = np.concatenate([*sides, rng.normal(size=(40, 6))])
        features = embedded(phi, distance)
        one, two = (metric_of(phi, distance, shrinkage=0.3, max_components=number) for number in (1, 2))
        models = [fit_class(features[:40], metric) for metric in (one, two)]
        assert [len(model.means) for model in models] == [1, 2]
        between, near = features[:20].mean(axis=0) + features[20:40].mean(axis=0), features[0]
        gaps = [
            np.diff(measure(np.stack([near, between / 2]), *pair))[0] for pair in zip(models, (one, two), strict=True)
        ]
        assert gaps[1] > gaps[0]

    @pytest.mark.parametrize("distance", DISTANCES)
    def test_single_sample_takes_the_spread_of_everything(self, distance: str) -> None:
        phi = np.random.default_rng(1).normal(size=(30, 4))
        features, metric = embedded(phi, distance), metric_of(phi, distance, shrinkage=0.3)
        distances = measure(features, fit_class(features[:1], metric), metric)
        assert np.isfinite(distances).all()
        assert "relative" in distance or np.argmin(distances) == 0

    @pytest.mark.parametrize("distance", DISTANCES)
    @pytest.mark.parametrize("covariance", COVARIANCES)
    def test_everything_alike_gives_one_finite_distance(self, distance: str, covariance: str) -> None:
        phi = np.ones((5, 3))
        metric = metric_of(phi, distance, covariance, shrinkage=0.3, normalise=True)
        features = embed(phi, metric.embedding)
        distances = measure(features, fit_class(features, metric), metric)
        assert np.isfinite(distances).all()
        assert len(set(distances)) == 1

    def test_many_segments_are_told_by_evenly_spaced_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        phi = np.random.default_rng(0).normal(size=(4000, 2)) * [1, 3] + 7
        monkeypatch.setattr(embedding, "MANY", 500)
        metric = metric_of(phi, "mahalanobis", "ledoit_wolf")
        assert metric.everything.means[0] == pytest.approx([7, 7], abs=0.5)
        assert measure(np.array([[7.0, 10.0]]), metric.everything, metric) == pytest.approx([1], abs=0.15)


class TestMaximise:
    def test_outlier_is_left_out_of_the_statistics(self) -> None:
        samples = np.concatenate([CORNERS, [[30.0, 30]]])
        statistics, inlier = maximise(samples, 80, metric_of(samples, shrinkage=0.3))
        assert inlier.tolist() == [True] * 4 + [False]
        assert statistics.means.tolist() == [[0, 0]]

    @pytest.mark.parametrize(("percent", "kept"), [(1, 2), (50, 2), (60, 2), (70, 3), (75, 3), (100, 4)])
    def test_number_of_inliers(self, percent: float, kept: int) -> None:
        samples = np.random.default_rng(2).normal(size=(4, 3))
        assert maximise(samples, percent, metric_of(samples, shrinkage=0.3))[1].sum() == kept

    def test_single_sample_is_its_own_inlier(self) -> None:
        statistics, inlier = maximise(CORNERS[:1], 50, metric_of(CORNERS, shrinkage=0.3))
        assert inlier.tolist() == [True]
        assert statistics.means.tolist() == [[1, 1]]

    @settings(max_examples=40, deadline=None)
    @given(arrays(float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-5, 5)), st.floats(1, 100))
    def test_inliers_are_never_farther_than_the_others(self, samples: np.ndarray, percent: float) -> None:
        metric = metric_of(samples, shrinkage=0.5)
        distances = measure(samples, fit_class(samples, metric), metric)
        inlier = maximise(samples, percent, metric)[1]
        assert inlier.sum() >= min(2, len(samples))
        assert distances[inlier].max() <= distances[~inlier].min(initial=np.inf)


class TestChooseAgain:
    def test_nearest_of_each_image(self) -> None:
        assert choose_again(np.array([3.0, 1, 2, 0, 5]), np.array([0, 0, 1, 1, 2])).tolist() == [1, 3, 4]

    def test_ties_go_to_the_lower_index(self) -> None:
        assert choose_again(np.array([2.0, 1, 1, 4, 4]), np.array([0, 0, 0, 1, 1])).tolist() == [1, 3]


class TestExpect:
    def test_standardised_within_each_image(self) -> None:
        values = standardise(np.array([1.0, 3, 7, 7, 5]), np.array([0, 0, 1, 1, 2]))
        assert values.tolist() == [-1, 1, 0, 0, 0]

    @settings(max_examples=40, deadline=None)
    @given(arrays(float, 12, elements=st.floats(-1e6, 1e6)))
    def test_without_evidence_the_smallest_distance_wins(self, distances: np.ndarray) -> None:
        image = np.repeat(np.arange(3), 4)
        candidates = Candidates(np.arange(12), image, np.arange(12.0), np.ones(12, bool))
        costs = weigh(distances, candidates, 0.0)
        chosen = choose_again(costs, image, distances)
        assert chosen.tolist() == [4 * n + int(np.argmin(distances[4 * n : 4 * n + 4])) for n in range(3)]

    def test_evidence_pulls_against_the_distance(self) -> None:
        image, evidence = np.zeros(3, int), np.array([-100.0, 0, 200])
        candidates = Candidates(np.arange(3), image, evidence, np.ones(3, bool))
        chosen = [int(np.argmin(weigh(np.array([1.0, 2, 3]), candidates, weight))) for weight in (0, 0.5, 2)]
        assert chosen == [0, 0, 2]

    def test_what_is_not_eligible_is_not_chosen_and_does_not_count(self) -> None:
        candidates = Candidates(np.arange(3), np.zeros(3, int), np.zeros(3), np.array([False, True, True]))
        costs = weigh(np.array([-1e9, 4, 6]), candidates, 0.0)
        assert costs.tolist() == [np.inf, -1, 1]


def crowd(
    rng: np.random.Generator, num_images: int = 40, per_image: int = 8, dimension: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per image one segment of the class among others spread widely; Step 1 right in about two of three."""
    features = rng.normal(0, 3, size=(num_images, per_image, dimension))
    features[:, 0] = 4 + rng.normal(0, 0.5, size=(num_images, dimension))
    first = np.where(rng.uniform(size=num_images) < 0.67, 0, rng.integers(1, per_image, num_images))
    image = np.repeat(np.arange(num_images), per_image)
    return features.reshape(-1, dimension), image, first + per_image * np.arange(num_images)


def run(
    phi: np.ndarray,
    image: np.ndarray,
    first: np.ndarray,
    distance: str = "mahalanobis",
    covariance: str = "identity_shrinkage",
    **settings: Any,
) -> list[Choice]:
    """All of `alternate`, with the defaults of these tests."""
    candidates = settings.pop("candidates", None)
    candidates = candidates or Candidates(np.arange(len(phi)), image, np.zeros(len(phi)), np.ones(len(phi), bool))
    chosen = {"distance": distance, "covariance": covariance, "iterations": 3} | settings
    return alternate(candidates, first, fit_features(phi, settings_of(**chosen)))


class TestAlternate:
    @pytest.mark.parametrize("distance", DISTANCES)
    @pytest.mark.parametrize("covariance", COVARIANCES)
    def test_common_look_wins_over_wrong_first_choices(self, distance: str, covariance: str) -> None:
        choices = run(*crowd(np.random.default_rng(3)), distance, covariance)
        right = [np.mean(choice.index % 8 == 0) for choice in choices]
        assert len(choices) == 4
        assert right[0] < 0.8
        assert right[-1] > 0.95

    def test_no_iteration_is_step_one_with_its_inliers(self) -> None:
        phi, image, first = crowd(np.random.default_rng(4))
        (only,) = run(phi, image, first, iterations=0)
        assert np.array_equal(only.index, first)
        assert only.inlier.sum() == 28
        assert np.isfinite(only.distances).all()

    def test_distances_are_those_that_chose(self) -> None:
        phi, image, first = crowd(np.random.default_rng(5))
        before, after = run(phi, image, first, iterations=1)
        metric = metric_of(phi, shrinkage=0.3)
        statistics, inlier = maximise(phi[first], 70, metric)
        assert np.array_equal(before.inlier, inlier)
        assert after.distances == pytest.approx(measure(phi, statistics, metric))
        assert np.array_equal(before.distances, after.distances)
        assert np.array_equal(after.index, choose_again(after.distances, image))

    def test_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        phi, image, first = crowd(np.random.default_rng(6))
        whole = run(phi, image, first, "relative_mahalanobis")
        monkeypatch.setattr(embedding, "BLOCK", 7)
        parts = run(phi, image, first, "relative_mahalanobis")
        for one, other in zip(whole, parts, strict=True):
            assert np.array_equal(one.index, other.index)
            assert one.distances == pytest.approx(other.distances)

    def test_one_share_per_iteration_the_last_repeats(self) -> None:
        phi, image, first = crowd(np.random.default_rng(7))
        choices = run(phi, image, first, keep_percent=[30, 50])
        assert [int(choice.inlier.sum()) for choice in choices] == [12, 20, 20, 20]

    def test_a_fold_is_measured_by_the_statistics_of_the_others(self) -> None:
        phi, image, first = crowd(np.random.default_rng(5))
        before, after = run(phi, image, first, iterations=1, folds=3)
        metric = metric_of(phi, shrinkage=0.3)
        for fold in range(3):
            statistics, _ = maximise(phi[first[np.arange(40) % 3 != fold]], 70, metric)
            own = image % 3 == fold
            assert after.distances[own] == pytest.approx(measure(phi[own], statistics, metric))
        assert np.array_equal(before.inlier, maximise(phi[first], 70, metric)[1])
        assert np.array_equal(after.index, choose_again(after.distances, image))

    @pytest.mark.parametrize("distance", ["mahalanobis", "relative_mahalanobis"])
    def test_folds_let_go_of_choices_that_made_the_statistics(self, distance: str) -> None:
        """With more dimensions than images, what was chosen is near to the statistics only because it made them."""
        phi = np.random.default_rng(2).normal(size=(40, 4, 150))
        phi[:, 0] *= 0.7
        image, first = np.repeat(np.arange(40), 4), 4 * np.arange(40) + (np.arange(40) % 3 == 0)
        last = {
            folds: run(phi.reshape(160, 150), image, first, distance, keep_percent=100, folds=folds)[-1].index
            for folds in (1, 5)
        }
        assert np.array_equal(last[1], first)
        assert (last[5] % 4 == 0).all()

    def test_no_class_has_more_folds_than_images(self) -> None:
        assert deal(7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]
        assert deal(2, 5).tolist() == [0, 1]
        assert deal(1, 5).tolist() == [0]

    @pytest.mark.parametrize("num_images", [1, 2])
    def test_a_class_of_few_images_goes_through_with_folds(self, num_images: int) -> None:
        phi, image, first = crowd(np.random.default_rng(5))
        chosen = run(
            phi,
            image[: 8 * num_images],
            first[:num_images],
            folds=5,
            candidates=Candidates(
                np.arange(8 * num_images),
                image[: 8 * num_images],
                np.zeros(8 * num_images),
                np.ones(8 * num_images, bool),
            ),
        )
        assert all(np.isfinite(choice.distances).all() for choice in chosen)

    def test_evidence_holds_what_the_look_would_lose(self) -> None:
        """Nine of ten first choices are wrong in the same way: the look of the class is lost, the evidence is not."""
        phi, image, _ = crowd(np.random.default_rng(8))
        phi[1::8] = -4 + np.random.default_rng(9).normal(0, 0.5, (40, 12))
        first = 8 * np.arange(40) + (np.arange(40) % 10 > 0)
        evidence = np.where(np.arange(320) % 8 == 0, 2.0, -0.3)
        candidates = Candidates(np.arange(320), image, evidence, np.ones(320, bool))
        right = {
            weight: np.mean(run(phi, image, first, candidates=candidates, evidence_weight=weight)[-1].index % 8 == 0)
            for weight in (0.0, 2.0)
        }
        assert right[0.0] < 0.2
        assert right[2.0] == 1.0

    def test_an_image_chooses_among_what_is_eligible(self) -> None:
        phi, image, first = crowd(np.random.default_rng(3))
        candidates = Candidates(np.arange(320), image, np.zeros(320), np.arange(320) % 8 > 0)
        choices = run(phi, image, first, candidates=replace(candidates))
        assert all((choice.index % 8 > 0).all() for choice in choices[1:])
