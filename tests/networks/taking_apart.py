"""What holds of every network that is taken apart."""

import torch
from torch import Tensor, nn

from empaste.networks.anatomy import classify_maps, feature_maps, num_features
from empaste.networks.family import Maps


def assert_comes_apart(network: nn.Module, inputs: Tensor) -> tuple[Maps, Tensor]:
    """Maps and head together are the whole network, of single rows, too; the maps and ``phi``."""
    with torch.no_grad():
        maps = feature_maps(network, inputs)
        logits, phi = classify_maps(network, maps)
        torch.testing.assert_close(logits, network(inputs))
        rows = torch.tensor([1, 1])
        torch.testing.assert_close(classify_maps(network, maps.rows(rows))[0], logits[rows])
    assert logits.std() > 0
    assert phi.shape == (len(inputs), num_features(network))
    return maps, phi
