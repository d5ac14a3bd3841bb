"""Backbones: shapes and strides, weights that fit and that do not, input normalisation, the square frame."""

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torchvision.models import VisionTransformer

from empaste.backbones import (
    ARCHITECTURES,
    LAST,
    RESNETS,
    GeneralisedMean,
    build_network,
    build_resnet,
    classify_maps,
    family_of,
    feature_maps,
    fit_square,
    fit_square_mask,
    input_step,
    layer_vectors,
    limit_threads,
    load_weights,
    num_features,
    read_weight_file,
    resize_positions,
    square_frame,
    to_input,
    torch_device,
)
from empaste.errors import InputError
from empaste.images import GRAY
from empaste.params import Classifier
from tests.tiny_networks import BUILDERS, tiny_network

PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_logits_and_phi(architecture: str) -> None:
    with torch.device("meta"):
        network = build_network(architecture, 8, None, num_classes=3, image_size=64).eval()
        logits, phi = classify_maps(network, feature_maps(network, torch.zeros(2, 3, 64, 64)))
    assert phi.shape == (2, num_features(network))
    assert logits.shape == (2, 3)


def test_the_models_know_every_architecture() -> None:
    assert get_args(Classifier.model_fields["architecture"].annotation) == tuple(ARCHITECTURES)


@pytest.mark.parametrize("architecture", RESNETS)
def test_resnets_have_the_parts_of_torchvisions(architecture: str) -> None:
    with torch.device("meta"):
        network = build_resnet(architecture, 8, None, num_classes=3)
    assert all(hasattr(network, part) for part in PARTS)


@pytest.mark.parametrize("kind", BUILDERS)
def test_maps_and_head_are_the_whole_network(kind: str) -> None:
    network = tiny_network(kind)
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = feature_maps(network, inputs)
        logits, phi = classify_maps(network, maps)
        torch.testing.assert_close(logits, network(inputs))
        rows = torch.tensor([1, 1])
        torch.testing.assert_close(classify_maps(network, maps.rows(rows))[0], logits[rows])
    assert phi.shape == (2, num_features(network))
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
        out = network.layer2(network.layer1(network.relu(network.bn1(network.conv1(inputs)))))
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


def test_a_published_vit_fits_another_size_and_head(tmp_path: Path) -> None:
    """The published files name the linear layers of a block as the first torchvision that had ViTs did."""
    source = tiny_network("vit")
    renamed = {
        key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): tensor
        for key, tensor in source.state_dict().items()
    }
    assert renamed.keys() != source.state_dict().keys()
    network = VisionTransformer(48, 8, 3, 2, 16, 32, num_classes=5).eval()
    load_weights(network, renamed, "vit.pth")
    assert torch.equal(network.encoder.layers[0].mlp[3].weight, source.encoder.layers[0].mlp[3].weight)
    assert network.encoder.pos_embedding.shape == (1, 37, 16)
    assert network.heads.head.weight.shape == (5, 16)


@pytest.mark.parametrize("kind", BUILDERS)
def test_another_head_is_left_as_it_was(kind: str) -> None:
    source, target = tiny_network(kind, 3), tiny_network(kind, 4)
    head = target.get_submodule(family_of(target).head)
    before = head.weight.clone()
    first = next(iter(source.state_dict()))
    load_weights(target, {**source.state_dict(), first: source.state_dict()[first] + 1}, "some.pth")
    assert torch.equal(head.weight, before)
    assert torch.equal(target.state_dict()[first], source.state_dict()[first] + 1)


@pytest.mark.parametrize(
    ("architecture", "strides"), [("resnet_slim", [2, 4, 8, 16]), ("resnet_slim_pooled", [4, 8, 16, 16])]
)
def test_slim_has_stride_16_and_widths_that_double(architecture: str, strides: list[int]) -> None:
    network = build_resnet(architecture, 8, None, num_classes=2)
    shapes = []
    out = network.maxpool(network.relu(network.bn1(network.conv1(torch.zeros(1, 3, 64, 64)))))
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        out = stage(out)
        shapes.append((out.shape[1], 64 // out.shape[2]))
    assert shapes == list(zip([8, 16, 32, 64], strides, strict=True))
    assert num_features(network) == 64


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_file(tmp_path: Path, suffix: str) -> None:
    source = build_resnet("resnet_slim", 8, None, num_classes=3)
    path = tmp_path / f"weights{suffix}"
    state = source.state_dict()
    if suffix == ".pth":
        torch.save({"state_dict": state}, path)
    else:
        save_file(state, path)
    same = build_resnet("resnet_slim", 8, str(path), num_classes=3)
    assert all(torch.equal(tensor, state[key]) for key, tensor in same.state_dict().items())
    other_head = build_resnet("resnet_slim", 8, str(path), num_classes=5)
    assert torch.equal(other_head.conv1.weight, source.conv1.weight)
    assert other_head.fc.weight.shape == (5, 64)


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "narrow.pth"
    torch.save(build_resnet("resnet_slim", 8, None).state_dict(), path)
    with pytest.raises(InputError, match=r"narrow\.pth.*conv1\.weight is \(8, 3, 7, 7\), expected \(16, 3, 7, 7\)"):
        build_resnet("resnet_slim", 16, str(path))


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r18.pth"
    torch.save({"foo": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"conv1\.weight is missing, expected \(8, 3, 7, 7\)"):
        build_resnet("resnet_slim", 8, str(path))


def test_unknown_tensors_are_refused(tmp_path: Path) -> None:
    state = build_resnet("resnet_slim", 8, None).state_dict()
    torch.save(state | {"extra": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(InputError, match="extra is unknown"):
        build_resnet("resnet_slim", 8, str(tmp_path / "more.pth"))


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "half.pth"
    torch.save({"tensor": torch.zeros(10_000)}, path)
    whole = path.read_bytes()
    for length in (700, 30_000, *range(len(whole) - 1500, len(whole), 50)):  # torch's errors differ
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"half\.pth cannot be read"):
            read_weight_file(path)


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_an_unreadable_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(InputError, match=f"{name} cannot be read"):
        build_resnet("resnet_slim", 8, str(tmp_path / name))


def test_a_file_without_a_state_dict_is_named(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="no state dict"):
        build_resnet("resnet_slim", 8, str(tmp_path / "list.pth"))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"'gone/w\.pth', but there is no such file"):
        build_resnet("resnet_slim", 8, "gone/w.pth")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="IMAGENET1K_V1, IMAGENET1K_V2"):
        build_resnet("resnet50", 8, "IMAGENET")
    with pytest.raises(InputError, match="choose from null or a file"):
        build_resnet("resnet_slim", 8, "IMAGENET1K_V1")
    with pytest.raises(InputError, match="architecture is 'vgg'; choose from resnet_slim, resnet_slim_pooled"):
        build_resnet("vgg", 8, None)


def test_a_failed_download_says_where_the_file_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: object, **options: object) -> None:
        raise OSError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", offline)
    with pytest.raises(InputError, match=rf"no route.*at {tmp_path}/hub/checkpoints/resnet18-\w+\.pth"):
        build_resnet("resnet18", 8, "IMAGENET1K_V1")


def test_a_named_weight_is_taken_with_another_head(monkeypatch: pytest.MonkeyPatch) -> None:
    source = torchvision.models.resnet18(weights=None)
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", lambda self, **options: source.state_dict())
    network = build_resnet("resnet18", 8, "IMAGENET1K_V1", num_classes=4)
    assert torch.equal(network.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    assert network.fc.out_features == 4


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert torch_device("auto").type == "cpu"
    with pytest.raises(InputError, match=r"device is 'cuda'.*choose from auto, cpu"):
        torch_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_device("auto").type == "cuda"


def test_threads() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        limit_threads(1)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_input_is_normalised() -> None:
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[0, 0, 1] = (255, 0, 51)
    inputs = to_input(images, "cpu")
    assert inputs.shape == (1, 3, 2, 2)
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(inputs[0, :, 0, 1].numpy(), expected, rtol=1e-5)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 300))
def test_the_frame_fills_the_square_and_keeps_the_aspect(height: int, width: int, side: int) -> None:
    frame = square_frame(height, width, side)
    assert max(frame.height, frame.width) == side
    assert min(frame.height, frame.width) >= 1
    assert 0 <= side - frame.height - 2 * frame.top <= 1
    assert 0 <= side - frame.width - 2 * frame.left <= 1
    assert abs(frame.height - max(1, side * height / max(height, width))) <= 0.5


def test_what_the_image_leaves_is_gray() -> None:
    square = fit_square(np.zeros((2, 8, 3), np.uint8), 16)
    assert square.shape == (16, 16, 3)
    assert (square[6:10] == 0).all()
    assert (square[:6] == GRAY).all() and (square[10:] == GRAY).all()


def test_an_extreme_image_keeps_a_line() -> None:
    square = fit_square(np.zeros((1, 10_000, 3), np.uint8), 32)
    assert ((square == 0).all(axis=(1, 2))).sum() == 1


def test_the_generalised_mean_lies_between_mean_and_maximum() -> None:
    maps = torch.tensor([[[[0.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]]]])
    torch.testing.assert_close(GeneralisedMean()(maps).flatten(), torch.tensor([2.0 / 4 ** (1 / 3), 1.0]))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 40))
@settings(deadline=None)
def test_a_mask_lies_where_the_image_does(height: int, width: int, side: int) -> None:
    frame = square_frame(height, width, side)
    whole = fit_square_mask(np.ones((height, width), bool), side)
    inner = np.zeros((side, side), bool)
    inner[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = True
    np.testing.assert_allclose(whole, inner, atol=1e-6)
    mask = np.random.default_rng(height).random((height, width)) < 0.5
    covered = fit_square_mask(mask, side)
    assert covered.dtype == np.float32 and covered.min() >= 0 and covered.max() <= 1 + 1e-6
    np.testing.assert_allclose(covered + fit_square_mask(~mask, side), whole, atol=1e-5)


def test_a_thin_mask_covers_its_share() -> None:
    mask = np.zeros((100, 100), bool)
    mask[:, 40] = True
    np.testing.assert_allclose(fit_square_mask(mask, 10)[:, 4], 0.1, rtol=1e-4)


def test_other_means_and_deviations() -> None:
    inputs = to_input(np.full((1, 2, 2, 3), 51, np.uint8), "cpu", [0.1, 0.2, 0.3], [0.5, 1, 2])
    np.testing.assert_allclose(inputs[0, :, 0, 0].numpy(), [0.2, 0, -0.05], atol=1e-6)
