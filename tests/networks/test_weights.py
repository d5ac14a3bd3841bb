"""Weights that fit, and weights that do not."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models import VisionTransformer

from empaste.errors import InputError
from empaste.networks.architectures import family_of
from empaste.networks.weights import (
    build_network,
    build_resnet,
    load_weights,
    read_weight_file,
    renamed_by_order,
)
from tests.hostile import save_harmful
from tests.tiny_networks import BUILDERS, tiny_network


@pytest.mark.usefixtures("tmp_path")
def test_a_published_vit_fits_another_size_and_head() -> None:
    """The published files name the linear layers of a block as the first torchvision that had ViTs did."""
    source = tiny_network("vit")
    renamed = {
        key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): tensor
        for key, tensor in source.state_dict().items()
    }
    assert renamed.keys() != source.state_dict().keys()
    network = VisionTransformer(48, 8, 3, 2, 16, 32, num_classes=5).eval()
    load_weights(network, renamed, "vit.pth")
    last = "encoder.layers.encoder_layer_0.mlp.3.weight"
    assert torch.equal(network.get_parameter(last), source.get_parameter(last))
    assert network.encoder.pos_embedding.shape == (1, 37, 16)
    assert network.heads.head.weight.shape == (5, 16)


@pytest.mark.parametrize("kind", BUILDERS)
def test_another_head_is_left_as_it_was(kind: str) -> None:
    source, target = tiny_network(kind, 3), tiny_network(kind, 4)
    head = target.get_submodule(family_of(target).head)
    before = head.get_parameter("weight").clone()
    prefix = family_of(source).prefix
    published = {key.removeprefix(prefix): one for key, one in source.state_dict().items() if key.startswith(prefix)}
    first = next(iter(published))
    load_weights(target, {**published, first: published[first] + 1}, "some.pth")
    assert torch.equal(head.get_parameter("weight"), before)
    assert torch.equal(target.state_dict()[prefix + first], published[first] + 1)


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
    def offline(_self: object, **_options: object) -> None:
        raise OSError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", offline)
    with pytest.raises(InputError, match=rf"no route.*at {tmp_path}/hub/checkpoints/resnet18-\w+\.pth"):
        build_resnet("resnet18", 8, "IMAGENET1K_V1")


def test_a_named_weight_is_taken_with_another_head(monkeypatch: pytest.MonkeyPatch) -> None:
    source = torchvision.models.resnet18(weights=None)
    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", lambda _self, **_options: source.state_dict())
    network = build_resnet("resnet18", 8, "IMAGENET1K_V1", num_classes=4)
    assert torch.equal(network.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    assert network.fc.out_features == 4


def test_tensors_of_other_names_are_taken_by_their_order(tmp_path: Path) -> None:
    source = timm.create_model("test_efficientnet", num_classes=9)
    state = {f"_{number}.{key.rsplit('.', 1)[1]}": one for number, (key, one) in enumerate(source.state_dict().items())}
    torch.save(state, tmp_path / "weights.pth")
    network = build_network("timm:test_efficientnet", 8, str(tmp_path / "weights.pth"), num_classes=3)
    for key, tensor in source.state_dict().items():
        if not key.startswith("classifier."):
            assert torch.equal(network.state_dict()[f"network.{key}"], tensor)
    assert network.state_dict()["network.classifier.weight"].shape[0] == 3


@pytest.mark.parametrize("change", ["one more", "another shape", "another kind"])
def test_what_is_not_alike_keeps_its_names(change: str) -> None:
    wanted = {f"{number}.weight": torch.zeros(number + 1) for number in range(5)}
    state = {f"_{number}.weight": torch.zeros(number + 1) for number in range(5)}
    assert renamed_by_order(state, wanted).keys() == wanted.keys()
    if change == "one more":
        state["_5.weight"] = torch.zeros(6)
    elif change == "another shape":
        state["_1.weight"] = torch.zeros(9)
    else:
        state = {f"_{number}.{'bias' if number == 1 else 'weight'}": torch.zeros(number + 1) for number in range(5)}
    assert renamed_by_order(state, wanted) == state


def test_a_head_of_another_size_is_still_alike() -> None:
    wanted = {"a.weight": torch.zeros(2), "head.weight": torch.zeros(3, 2), "head.bias": torch.zeros(3)}
    state = {"_a.weight": torch.ones(2), "_fc.weight": torch.zeros(9, 2), "_fc.bias": torch.zeros(9)}
    assert renamed_by_order(state, wanted).keys() == wanted.keys()


def test_code_in_weights_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a file that is named nor in one that lies where torchvision keeps its downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    published = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    for path in (tmp_path / "own.pth", tmp_path / "hub" / "checkpoints" / published):
        save_harmful(path, tmp_path / "ran")
    with pytest.raises(InputError, match=r"own\.pth cannot be read"):
        build_resnet("resnet18", 8, str(tmp_path / "own.pth"))
    with pytest.raises(InputError, match=r"could not be downloaded or read \(Weights only load failed"):
        build_resnet("resnet18", 8, "IMAGENET1K_V1")
    assert not (tmp_path / "ran").exists()
