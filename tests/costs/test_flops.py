"""Networks taken stock of: known sizes, and sizes that a real network has."""

import pytest

from empaste.costs.flops import detector_parameters, is_known, traits
from empaste.detectors.backends import BACKENDS
from empaste.detectors.training import network_of
from empaste.errors import InputError
from tests.costs.shipped import params_with


def test_resnet50_is_as_published() -> None:
    found = traits("resnet50", 0, 224)
    assert found.flop == pytest.approx(2 * 4.09e9, rel=0.01), "4.09 billion multiplications and additions"
    assert (found.parameters, found.phi, found.cells, found.step) == (25557032, 2048, 49, 1)


def test_a_vits_side_is_a_multiple_of_its_patch() -> None:
    assert traits("vit_b_16", 0, 224).step == 16
    with pytest.raises(InputError, match="multiple of 16"):
        traits("vit_b_16", 0, 100)


def test_twice_the_side_takes_four_times_the_operations() -> None:
    small, large = (traits("resnet_slim", 16, side).flop for side in (64, 128))
    assert large / small == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(("name", "known"), [("resnet18", True), ("timm:test_vit", True), ("some/model", False)])
def test_what_is_known(name: str, known: bool) -> None:
    assert is_known(name) is known


def test_a_detectors_parameters_are_those_that_it_has() -> None:
    settings = params_with({"train.width": 8, "train.weights": None}).train
    backend = BACKENDS["torchvision"]
    module = backend.build(network_of(backend, settings), 3, None)
    assert detector_parameters(settings, 3) == sum(one.numel() for one in module.parameters())
