"""timm's networks in the families' hands: maps, ``phi``, logits, layers, and the normalisation of their weights."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from empaste.errors import InputError
from empaste.networks.anatomy import LAST, classify_maps, feature_maps, input_step, layer_vectors
from empaste.networks.architectures import family_of
from empaste.networks.inputs import IMAGENET_MEAN, IMAGENET_STD, normalise
from empaste.networks.timm_networks import TimmNetwork, build_timm, read_timm_weights
from empaste.networks.weights import build_network
from tests.networks.taking_apart import assert_comes_apart

CONVOLUTIONAL = ["test_resnet", "test_efficientnet", "test_convnext"]
"""timm's own tiny networks."""


def network_of(name: str, num_classes: int = 3) -> TimmNetwork:
    """timm's network, of the same random weights each time, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_timm(name, num_classes).eval()
        torch.nn.init.normal_(network.network.get_classifier().weight)
    return network


def inputs_of(side: int = 96) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", [*CONVOLUTIONAL, "test_vit", "test_vit2"])
def test_maps_and_head_are_the_whole_network(name: str) -> None:
    maps, _ = assert_comes_apart(network_of(name), inputs_of())
    assert maps.grid.ndim == 4


@pytest.mark.parametrize("name", [*CONVOLUTIONAL, "test_vit"])
def test_the_vector_of_every_layer(name: str) -> None:
    network, inputs = network_of(name), inputs_of()
    layers = family_of(network).layers(network)
    with torch.no_grad():
        logits, vectors = layer_vectors(network, inputs, [LAST, *layers])
        torch.testing.assert_close(logits, network(inputs))
    assert len(layers) >= 2
    assert all(vector.ndim == 2 and len(vector) == 2 for vector in vectors)


def test_the_gradient_of_a_logit_reaches_the_maps() -> None:
    for name in ("test_efficientnet", "test_vit"):
        network = network_of(name)
        maps = feature_maps(network, inputs_of())
        grid = maps.grid.detach().requires_grad_()
        logits, _ = classify_maps(network, maps._replace(grid=grid))
        (gradient,) = torch.autograd.grad(logits[:, 1].sum(), grid)
        assert gradient.abs().sum() > 0


def test_a_vit_takes_every_multiple_of_its_patch() -> None:
    network = network_of("test_vit")
    step = input_step(network)
    assert step == network.network.patch_embed.patch_size[0]
    assert feature_maps(network, torch.zeros(1, 3, 5 * step, 3 * step)).grid.shape[2:] == (5, 3)
    assert input_step(network_of("test_resnet")) == 1


def test_images_are_normalised_as_the_weights_know_them() -> None:
    """What stands for ImageNet's mean and deviation comes in; what timm names for the weights is seen."""
    network = network_of("tf_efficientnet_lite0")
    assert network.network.pretrained_cfg["mean"] == (0.5, 0.5, 0.5)
    image = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network.adapt(normalise(image)), normalise(image, [0.5] * 3, [0.5] * 3))
    same = network_of("test_resnet")
    same.mean, same.std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    torch.testing.assert_close(same.adapt(normalise(image)), normalise(image))


def test_mean_and_deviation_follow_the_weights_tag() -> None:
    """Sets of weights of one network may have been trained on images normalised differently."""
    by_tag = {tag: build_timm("vit_tiny_patch16_224", 2, tag) for tag in timm_tags("vit_tiny_patch16_224")}
    for tag, network in by_tag.items():
        shown = timm.get_pretrained_cfg(f"vit_tiny_patch16_224.{tag}")
        assert shown
        torch.testing.assert_close(network.mean, torch.tensor(shown.mean))


def timm_tags(name: str) -> list[str]:
    return [one.removeprefix(f"{name}.") for one in timm.list_pretrained(f"{name}.*")]


def test_a_file_with_timms_names_fits(tmp_path: Path) -> None:
    source: Any = timm.create_model("test_efficientnet", num_classes=7)
    save_file(source.state_dict(), tmp_path / "some.safetensors")
    network: Any = build_network("timm:test_efficientnet", 8, str(tmp_path / "some.safetensors"), num_classes=3)
    torch.testing.assert_close(network.network.conv_stem.weight, source.conv_stem.weight)
    assert network.network.get_classifier().weight.shape[0] == 3


def test_weights_of_another_network_are_refused_by_their_tensors(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"do not fit .* misfits\): network\.bn1\.weight is \(32,\), expected \(24,\)"):
        build_network("timm:test_efficientnet", 8, str(tmp_path / "other.safetensors"), num_classes=3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet5", r"architecture names 'timm:resnet5', which timm does not build \(.*\)"),
        ("swin_tiny_patch4_window7_224", r"a SwinTransformer, which cannot be taken apart .* such as timm:resnet50"),
        ("resnetv2_50", r"a ResNetV2, which cannot be taken apart"),
        ("crossvit_9_240", r"a CrossVit, which cannot be taken apart"),
        ("efficientvim_m1", r"an? EfficientViM, which cannot be taken apart"),
    ],
)
def test_what_timm_lacks_or_cannot_be_taken_apart_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_timm(name, 2)


def test_an_unknown_tag_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match=r"weights is 'v9'; choose from null, .*, or for timm:tf_efficientnet_lite0: in1k"
    ):
        read_timm_weights("tf_efficientnet_lite0", "v9")


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_names: object, **_options: object) -> None:
        raise OSError("no network\nat all")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(InputError, match=r"'in1k' of timm:.*lite0 could not be downloaded or read \(no network\)"):
        read_timm_weights("tf_efficientnet_lite0", "in1k")
