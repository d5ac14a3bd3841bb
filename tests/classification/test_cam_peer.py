"""Grad-CAM against an independent implementation, the package ``grad-cam``, on the same network."""

import cv2
import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from empaste.classification.cam import grad_cam
from empaste.networks.weights import build_network
from tests.tiny_networks import BUILDERS, tiny_network


def target_layer(kind: str, network: nn.Module) -> nn.Module:
    """Where that package's documentation takes the maps."""
    if kind == "vit":
        last = list(network.get_submodule("encoder.layers").children())[-1]
        return last.get_submodule("ln_1")
    if kind == "timm_vit":
        return list(network.get_submodule("network.blocks").children())[-1].get_submodule("norm1")
    if kind == "timm":
        return network.get_submodule("network.bn2")
    if kind in ("slim", "resnet"):
        return network.get_submodule("layer4")
    return list(network.get_submodule("features").children())[-1]


def tokens_as_maps(tokens: Tensor) -> Tensor:
    side = round((tokens.shape[1] - 1) ** 0.5)
    return tokens[:, 1:].reshape(len(tokens), side, side, -1).permute(0, 3, 1, 2)


def assert_same_maps(kind: str, network: nn.Module, side: int) -> None:
    inputs = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    columns = np.array([2, 0, 1])
    ours, _ = grad_cam(network, inputs, np.arange(3), columns)
    scaled = (ours - ours.min((1, 2), keepdims=True)) / (1e-7 + np.ptp(ours, axis=(1, 2), keepdims=True))
    resized = np.array([cv2.resize(heatmap, (side, side)) for heatmap in scaled])
    peer = GradCAM(network, [target_layer(kind, network)], tokens_as_maps if kind in ("vit", "timm_vit") else None)
    theirs = peer(inputs, [ClassifierOutputTarget(column) for column in columns.tolist()])
    peer.activations_and_grads.release()
    assert (np.ptp(theirs, axis=(1, 2)) > 0.5).any(), "all maps are empty, so nothing is compared"
    # The package scales once more after resizing, by the minimum and maximum that resizing left.
    low, high = resized.min((1, 2), keepdims=True), resized.max((1, 2), keepdims=True)
    np.testing.assert_allclose((resized - low) / (1e-7 + high - low), theirs, atol=1e-4)


@pytest.mark.parametrize("kind", BUILDERS)
def test_every_family_agrees_to_a_ten_thousandth(kind: str) -> None:
    assert_same_maps(kind, tiny_network(kind), 32 if kind == "vit" else 96)


@pytest.mark.parametrize(("architecture", "kind"), [("resnet18", "resnet"), ("convnext_tiny", "convnext")])
def test_networks_of_full_size_agree(architecture: str, kind: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(architecture, 8, None, 3, 64).eval()
    assert_same_maps(kind, network, 64)
