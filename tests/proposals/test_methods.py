"""The contract that every proposal method keeps, and what each finds in an image with one disc."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml

from empaste.errors import InputError
from empaste.params import load_params
from empaste.proposals import METHODS
from empaste.proposals.method import Context
from empaste.proposals.settings import ProposalsSettings, with_method
from empaste.proposals.table import seen_side
from tests.proposals import sources
from tests.proposals.sources import FILE_NAME, prepare

Propose = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(params=sorted(METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def propose(method: str, params_file: Path, tmp_path: Path) -> Propose:
    """The method on one image, with the shipped parameters and with what it needs to see that image."""

    def call(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        content = yaml.safe_load(params_file.read_text())
        content["proposals"]["method"] = method
        content["proposals"][method].update(prepare(method, tmp_path, image))
        params_file.write_text(yaml.safe_dump(content))
        settings = load_params(params_file).proposals
        own = METHODS[method].section(settings)
        return sources.propose(METHODS[method], image, own, Context(settings, 1, FILE_NAME))

    return call


def best_iou(masks: np.ndarray, target: np.ndarray) -> float:
    common = (masks & target).sum(axis=(1, 2))
    return float((common / (masks | target).sum(axis=(1, 2))).max())


def check_contract(masks: np.ndarray, scores: np.ndarray, size_hw: tuple[int, int]) -> None:
    assert masks.dtype == bool
    assert masks.shape == (len(scores), *size_hw)
    assert np.all((scores >= 0) & (scores <= 1))
    assert masks.any(axis=(1, 2)).all()
    assert len({mask.tobytes() for mask in masks}) == len(masks)


def test_contract_on_an_image(propose: Propose, disc_image: np.ndarray) -> None:
    masks, scores = propose(disc_image)
    check_contract(masks, scores, disc_image.shape[:2])
    assert len(masks)


def test_same_answer_twice(propose: Propose, disc_image: np.ndarray) -> None:
    first, second = (propose(disc_image.copy()) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_input_is_left_alone(propose: Propose, disc_image: np.ndarray) -> None:
    before = disc_image.copy()
    propose(disc_image)
    assert np.array_equal(disc_image, before)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (2, 2), (40, 1), (30, 44)])
def test_flat_images_of_any_size(propose: Propose, size_hw: tuple[int, int]) -> None:
    masks, scores = propose(np.full((*size_hw, 3), 90, np.uint8))
    check_contract(masks, scores, size_hw)


def test_gray_noise(propose: Propose) -> None:
    gray = np.random.default_rng(1).integers(0, 256, (30, 44, 1)).astype(np.uint8).repeat(3, axis=2)
    masks, scores = propose(gray)
    check_contract(masks, scores, (30, 44))


@pytest.mark.parametrize("method", ["hierarchical", "selective_search", "entity_like"], indirect=True)
def test_disc_is_found_whole(propose: Propose, disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    masks, _ = propose(disc_image)
    assert best_iou(masks, disc_mask) > 0.9


def test_params_offer_every_method() -> None:
    assert set(get_args(ProposalsSettings.model_fields["method"].annotation)) == set(METHODS)


def test_what_is_said_of_methods_is_of_methods_there_are() -> None:
    networks = {"sam", "sam2", "sam3", "mask2former", "entity", "cutout"}
    assert {name for name, one in METHODS.items() if one.precomputed} == {"mcg", "cob", "coco_results"}
    assert {name for name, one in METHODS.items() if one.load} == networks
    assert {name for name, one in METHODS.items() if one.runs == "in one process"} == networks | {"coco_results"}
    for name, one in METHODS.items():
        assert name == one.name
        assert set(one.asks) <= set(one.Settings.model_fields)


def test_a_source_that_does_not_exist_is_refused_with_the_choices(params_file: Path) -> None:
    settings = load_params(params_file).proposals
    assert seen_side(with_method(settings, "slic")) == settings.max_side
    assert seen_side(with_method(settings, "gca10")) == METHODS["gca10"].section(settings).max_side
    with pytest.raises(InputError, match=r"proposals\.method is 'slik'; choose from hierarchical, entity_like"):
        with_method(settings, "slik")
