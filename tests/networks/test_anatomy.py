"""Maps, ``phi``, logits and the vectors of inner layers."""

import pytest
import torch

from empaste.errors import InputError
from empaste.networks.anatomy import LAST, classify_maps, feature_maps, input_step, layer_vectors
from empaste.networks.architectures import family_of
from empaste.networks.vit import resize_positions
from empaste.networks.weights import build_network
from tests.networks.taking_apart import assert_comes_apart
from tests.tiny_networks import BUILDERS, tiny_network


@pytest.mark.parametrize("kind", BUILDERS)
def test_maps_and_head_are_the_whole_network(kind: str) -> None:
    network = tiny_network(kind)
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    maps, phi = assert_comes_apart(network, inputs)
    if kind in ("slim", "resnet", "mobilenet", "efficientnet"):
        torch.testing.assert_close(phi, maps.grid.mean((2, 3)))


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_vector_of_every_layer(kind: str) -> None:
    network = tiny_network(kind)
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    layers = family_of(network).layers(network)
    with torch.no_grad():
        phi = classify_maps(network, feature_maps(network, inputs))[1]
        logits, vectors = layer_vectors(network, inputs, [LAST, *layers])
        torch.testing.assert_close(logits, network(inputs))
    torch.testing.assert_close(vectors[0], phi)
    assert len(vectors) == 1 + len(layers)
    assert all(vector.ndim == 2 and len(vector) == 2 and vector.std() > 0 for vector in vectors)
    assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(InputError, match=rf"layer 'layer9' is none of the network's; choose from last, {layers[0]}"):
        layer_vectors(network, inputs, ["layer9"])


def test_an_inner_layer_by_hand() -> None:
    network = tiny_network("slim")
    inputs = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = inputs
        for layer in ("conv1", "bn1", "relu", "layer1", "layer2"):
            out = network.get_submodule(layer)(out)
        _, (vector,) = layer_vectors(network, inputs, ["layer2"])
    torch.testing.assert_close(vector, out.mean((2, 3)))


def test_a_vit_takes_every_multiple_of_its_patch() -> None:
    network = tiny_network("vit")
    assert input_step(network) == 8
    assert input_step(tiny_network("slim")) == 1
    assert feature_maps(network, torch.zeros(1, 3, 48, 24)).grid.shape == (1, 16, 6, 3)
    with pytest.raises(
        InputError, match=r"image_size is 112, but vit_b_32 cuts .* choose a multiple of 32, such as 128"
    ):
        build_network("vit_b_32", 8, None, 3, 112)


def test_positions_are_interpolated_where_they_lie() -> None:
    ramp = torch.arange(4.0).repeat(4, 1)
    positions = torch.cat([torch.tensor([9.0]), ramp.flatten()]).view(1, 17, 1)
    assert resize_positions(positions, (4, 4)) is positions
    resized = resize_positions(positions, (2, 7))
    assert resized[0, 0] == 9
    torch.testing.assert_close(resized[0, 1:, 0].view(2, 7)[:, ::6], torch.tensor([[0.0, 3.0], [0.0, 3.0]]))
