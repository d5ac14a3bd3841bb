"""The maths of F-EM on points with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from empaste.foregrounds.em import (
    COVARIANCES,
    DISTANCES,
    Choice,
    alternate,
    choose_again,
    choose_first,
    embed,
    fit_class,
    fit_metric,
    invert_covariance,
    maximise,
    mean_distances,
    measure,
)

CORNERS = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])


def metric_of(features, distance="mahalanobis", covariance="identity_shrinkage", shrinkage=0.0):
    return fit_metric(features, distance, covariance, shrinkage)


class TestStepOne:
    def test_mean_distance_of_pixels_to_a_point(self):
        masks = np.zeros((3, 2, 4), bool)
        masks[0, 0, :2] = True
        masks[1, 1, 3] = True
        assert mean_distances(masks, (0.0, 0.0)).tolist() == [0.5, np.hypot(3, 1), np.inf]

    def test_centre_may_lie_between_pixels_or_outside(self):
        masks = np.ones((1, 1, 2), bool)
        assert mean_distances(masks, (0.5, 0.0)).tolist() == [0.5]
        assert mean_distances(masks, (-2.0, 0.0)).tolist() == [2.5]

    def test_most_probable_of_the_nearest(self):
        distances, probs = np.array([9.0, 1, 2, 3]), np.array([0.9, 0.1, 0.3, 0.8])
        assert [choose_first(distances, probs, n) for n in (1, 2, 3, 4, 99)] == [1, 2, 3, 0, 0]

    def test_without_a_centre_the_most_probable_of_all(self):
        assert choose_first(None, np.array([0.2, 0.7, 0.9]), 1) == 2

    def test_ties_go_to_the_lower_index(self):
        assert choose_first(np.array([1.0, 1, 1]), np.array([0.1, 0.5, 0.5]), 1) == 0
        assert choose_first(np.array([1.0, 1, 1]), np.array([0.1, 0.5, 0.5]), 3) == 1


class TestDistances:
    def test_mahalanobis_counts_standard_deviations(self):
        samples = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])
        metric = metric_of(samples)
        at = measure(np.array([[0.0, 0], [np.sqrt(2), 0], [0, np.sqrt(2)]]), fit_class(samples, metric), metric)
        assert at == pytest.approx([0, 1, 2], rel=1e-4)

    def test_full_shrinkage_leaves_the_euclidean_direction(self):
        samples = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])
        precision = invert_covariance(samples, "identity_shrinkage", 1.0)
        assert precision == pytest.approx(np.eye(2) / 1.25)

    def test_relative_distance_is_a_difference_of_squares(self):
        everything = np.concatenate([CORNERS * 3, CORNERS + 5])
        metric = metric_of(everything, "relative_mahalanobis")
        own = fit_class(CORNERS + 5, metric)
        point = np.array([[5.0, 5.0]])
        offset = point[0] - everything.mean(axis=0)
        far = offset @ np.linalg.inv(np.cov(everything.T, bias=True)) @ offset
        assert measure(point, own, metric) == pytest.approx([-far], rel=1e-4)

    def test_cosine_ignores_length(self):
        features = embed(np.array([[3.0, 0], [0.5, 0], [0, 2]]), "cosine", normalise=False)
        metric = metric_of(features, "cosine")
        assert measure(features, fit_class(features[:1], metric), metric) == pytest.approx([0, 0, 1])

    def test_centred_cosine_takes_off_what_all_share(self):
        features = embed(np.array([[10.0, 1], [10, -1]]), "centred_cosine", normalise=False)
        assert features == pytest.approx(np.array([[0, 1], [0, -1]]))

    def test_unit_length_and_zero_vectors(self):
        features = embed(np.array([[3.0, 4], [0, 0]]), "mahalanobis", normalise=True)
        assert features == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))

    @pytest.mark.parametrize("covariance", COVARIANCES)
    def test_fewer_samples_than_dimensions_are_still_told_apart(self, covariance):
        samples = np.random.default_rng(0).normal(size=(6, 40))
        samples[5] += 8
        metric = metric_of(samples, covariance=covariance, shrinkage=0.3)
        distances = measure(samples, fit_class(samples, metric), metric)
        assert np.argmax(distances) == 5
        assert len(set(distances.round(6))) == 6

    @pytest.mark.parametrize("covariance", COVARIANCES)
    def test_samples_that_do_not_differ_have_no_covariance(self, covariance):
        assert invert_covariance(np.full((3, 2), 0.1), covariance, 0.3) is None
        assert invert_covariance(np.ones((1, 2)), covariance, 0.3) is None

    @pytest.mark.parametrize("distance", DISTANCES)
    def test_single_sample_takes_the_spread_of_everything(self, distance):
        everything = embed(np.random.default_rng(1).normal(size=(30, 4)), distance, normalise=False)
        metric = metric_of(everything, distance, shrinkage=0.3)
        own = fit_class(everything[:1], metric)
        distances = measure(everything, own, metric)
        assert np.isfinite(distances).all()
        assert "relative" in distance or np.argmin(distances) == 0

    @pytest.mark.parametrize("distance", DISTANCES)
    def test_everything_alike_gives_one_finite_distance(self, distance):
        features = embed(np.ones((5, 3)), distance, normalise=True)
        metric = metric_of(features, distance, shrinkage=0.3)
        distances = measure(features, fit_class(features, metric), metric)
        assert np.isfinite(distances).all()
        assert len(set(distances)) == 1


class TestMaximise:
    def test_outlier_is_left_out_of_the_statistics(self):
        samples = np.concatenate([CORNERS, [[30.0, 30]]])
        statistics, inlier = maximise(samples, 80, metric_of(samples, shrinkage=0.3))
        assert inlier.tolist() == [True] * 4 + [False]
        assert statistics.mean.tolist() == [0, 0]

    @pytest.mark.parametrize(("percent", "kept"), [(1, 2), (50, 2), (60, 2), (70, 3), (75, 3), (100, 4)])
    def test_number_of_inliers(self, percent, kept):
        samples = np.random.default_rng(2).normal(size=(4, 3))
        assert maximise(samples, percent, metric_of(samples, shrinkage=0.3))[1].sum() == kept

    def test_single_sample_is_its_own_inlier(self):
        statistics, inlier = maximise(CORNERS[:1], 50, metric_of(CORNERS, shrinkage=0.3))
        assert inlier.tolist() == [True]
        assert statistics.mean.tolist() == [1, 1]

    @settings(max_examples=40, deadline=None)
    @given(arrays(float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-5, 5)), st.floats(1, 100))
    def test_inliers_are_never_farther_than_the_others(self, samples, percent):
        metric = metric_of(samples, shrinkage=0.5)
        distances = measure(samples, fit_class(samples, metric), metric)
        inlier = maximise(samples, percent, metric)[1]
        assert inlier.sum() >= min(2, len(samples))
        assert distances[inlier].max() <= distances[~inlier].min(initial=np.inf)


class TestChooseAgain:
    def test_nearest_of_each_image(self):
        assert choose_again(np.array([3.0, 1, 2, 0, 5]), np.array([0, 0, 1, 1, 2])).tolist() == [1, 3, 4]

    def test_ties_go_to_the_lower_index(self):
        assert choose_again(np.array([2.0, 1, 1, 4, 4]), np.array([0, 0, 0, 1, 1])).tolist() == [1, 3]


def crowd(rng, num_images=40, per_image=8, dimension=12):
    """Per image one segment of the class among others spread widely; Step 1 right in about two of three."""
    features = rng.normal(0, 3, size=(num_images, per_image, dimension))
    features[:, 0] = 4 + rng.normal(0, 0.5, size=(num_images, dimension))
    first = np.where(rng.uniform(size=num_images) < 0.67, 0, rng.integers(1, per_image, num_images))
    image = np.repeat(np.arange(num_images), per_image)
    return features.reshape(-1, dimension), image, first + per_image * np.arange(num_images)


class TestAlternate:
    @pytest.mark.parametrize("distance", DISTANCES)
    @pytest.mark.parametrize("covariance", COVARIANCES)
    def test_common_look_wins_over_wrong_first_choices(self, distance, covariance):
        phi, image, first = crowd(np.random.default_rng(3))
        features = embed(phi, distance, normalise=False)
        metric = metric_of(features, distance, covariance, 0.3)
        start = Choice(first, np.zeros(len(first)), np.zeros(len(first), bool))
        choices = alternate(features, image, start, 3, 70, metric)
        right = [np.mean(choice.index % 8 == 0) for choice in choices]
        assert len(choices) == 4
        assert right[0] < 0.8
        assert right[-1] > 0.95

    def test_no_iteration_is_step_one_with_its_inliers(self):
        phi, image, first = crowd(np.random.default_rng(4))
        start = Choice(first, np.arange(40.0), np.zeros(40, bool))
        (only,) = alternate(phi, image, start, 0, 70, metric_of(phi, shrinkage=0.3))
        assert np.array_equal(only.index, first)
        assert np.array_equal(only.distance, np.arange(40.0))
        assert only.inlier.sum() == 28

    def test_distances_are_those_that_chose(self):
        phi, image, first = crowd(np.random.default_rng(5))
        metric = metric_of(phi, shrinkage=0.3)
        start = Choice(first, np.zeros(40), np.zeros(40, bool))
        before, after = alternate(phi, image, start, 1, 70, metric)
        statistics, inlier = maximise(phi[first], 70, metric)
        assert np.array_equal(before.inlier, inlier)
        assert np.array_equal(after.distance, measure(phi, statistics, metric)[after.index])
