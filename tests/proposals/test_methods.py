"""The contract that every proposal method keeps, and what each finds in an image with one disc."""

from typing import get_args

import numpy as np
import pytest
import yaml

from empaste.params import Proposals, load_params
from empaste.proposals import METHODS
from stages.proposals import method_options


@pytest.fixture(params=sorted(METHODS))
def method(request):
    return request.param


@pytest.fixture
def options(method, params_file):
    content = yaml.safe_load(params_file.read_text())
    content["proposals"]["method"] = method
    params_file.write_text(yaml.safe_dump(content))
    return method_options(load_params(params_file).proposals)


def best_iou(masks, target):
    common = (masks & target).sum(axis=(1, 2))
    return (common / (masks | target).sum(axis=(1, 2))).max()


def check_contract(masks, scores, size_hw):
    assert masks.dtype == bool
    assert masks.shape == (len(scores), *size_hw)
    assert np.all((scores >= 0) & (scores <= 1))
    assert masks.any(axis=(1, 2)).all()
    assert len({mask.tobytes() for mask in masks}) == len(masks)


def test_contract_on_an_image(method, options, disc_image):
    masks, scores = METHODS[method](disc_image, **options)
    check_contract(masks, scores, disc_image.shape[:2])
    assert len(masks)


def test_same_answer_twice(method, options, disc_image):
    first, second = (METHODS[method](disc_image.copy(), **options) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_input_is_left_alone(method, options, disc_image):
    before = disc_image.copy()
    METHODS[method](disc_image, **options)
    assert np.array_equal(disc_image, before)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (2, 2), (40, 1), (30, 44)])
def test_flat_images_of_any_size(method, options, size_hw):
    masks, scores = METHODS[method](np.full((*size_hw, 3), 90, np.uint8), **options)
    check_contract(masks, scores, size_hw)


def test_gray_noise(method, options):
    gray = np.random.default_rng(1).integers(0, 256, (30, 44, 1)).astype(np.uint8).repeat(3, axis=2)
    masks, scores = METHODS[method](gray, **options)
    check_contract(masks, scores, (30, 44))


@pytest.mark.parametrize("method", ["hierarchical", "entity_like"], indirect=True)
def test_disc_is_found_whole(method, options, disc_image, disc_mask):
    masks, _ = METHODS[method](disc_image, **options)
    assert best_iou(masks, disc_mask) > 0.9


def test_params_offer_every_method():
    assert set(get_args(Proposals.model_fields["method"].annotation)) == set(METHODS)
