"""Normalisations folded into convolutions: the same answers with fewer modules, or the network as it was."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from empaste.artifacts.classifier import logits_and_phi
from empaste.networks.anatomy import layer_vectors
from empaste.networks.architectures import family_of
from empaste.networks.folding import fold_norms
from empaste.networks.weights import build_network

SIDE = 64


def run(network: nn.Module, inputs: Tensor) -> Sequence[Tensor]:
    return [network(inputs)]


def norms_in(network: nn.Module) -> list[str]:
    return [name for name, one in network.named_modules() if hasattr(one, "running_mean")]


def lived_in(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, its normalisations no longer what they begin as."""
    generator = torch.Generator().manual_seed(1)
    for one in network.modules():
        if isinstance(one, nn.BatchNorm2d | FrozenBatchNorm2d):
            ranges = {"running_mean": (-0.2, 0.2), "running_var": (0.5, 2.0), "weight": (0.5, 2.0), "bias": (-0.3, 0.3)}
            for name, (low, high) in ranges.items():
                getattr(one, name).data.uniform_(low, high, generator=generator)
    return network.eval()


def images() -> Tensor:
    return torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    "architecture", ["resnet_slim", "resnet_slim_pooled", "mobilenet_v3_small", "timm:test_efficientnet"]
)
def test_a_folded_classifier_answers_as_before_without_a_normalisation(architecture: str) -> None:
    network = lived_in(build_network(architecture, 16, None, 4, SIDE))
    before = {name: values.clone() for name, values in network.state_dict().items()}
    folded = fold_norms(network, SIDE, logits_and_phi)
    assert norms_in(network)
    assert not norms_in(folded)
    for one, other in zip(logits_and_phi(network, images()), logits_and_phi(folded, images()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items()), "it is untouched"


def test_layers_of_a_folded_network_give_the_same_vectors() -> None:
    network = lived_in(build_network("timm:test_efficientnet", 16, None, 4, SIDE))
    layers = family_of(network).layers(network)
    assert layers
    both = [layer_vectors(one, images(), layers)[1] for one in (network, fold_norms(network, SIDE, logits_and_phi))]
    for one, other in zip(*both, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_gradients_flow_through_a_folded_network() -> None:
    folded = fold_norms(lived_in(build_network("mobilenet_v3_small", 16, None, 4, SIDE)), SIDE, logits_and_phi)
    inputs = images().requires_grad_()
    logits_and_phi(folded, inputs)[0].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0


def test_frozen_normalisations_are_folded_too() -> None:
    network = lived_in(nn.Sequential(nn.Conv2d(3, 5, 3), FrozenBatchNorm2d(5), nn.ReLU()))
    folded = fold_norms(network, SIDE, run)
    assert not norms_in(folded)
    torch.testing.assert_close(network(images()), folded(images()), rtol=1e-4, atol=1e-4)


def test_a_network_without_such_normalisations_comes_back_itself() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8)).eval()
    assert fold_norms(network, SIDE, run) is network


class Twice(nn.Module):
    """Its convolution is read by a normalisation, and beside that by a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, inputs: Tensor) -> Tensor:
        maps: Tensor = self.conv(inputs)
        both: Tensor = maps + self.norm(maps)
        return both


class NormFirst(nn.Module):
    """Its normalisation comes before its convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        maps: Tensor = self.conv(self.norm(inputs))
        return maps


@pytest.mark.parametrize("kind", [Twice, NormFirst])
def test_a_network_that_would_answer_otherwise_comes_back_itself(kind: type[nn.Module]) -> None:
    network = lived_in(kind())
    assert fold_norms(network, SIDE, run) is network
    assert norms_in(network) == ["norm"]
