"""The passes that a stage's formula gives are those that the stage makes, on a small data set and varied settings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import stages.cams
import stages.classifier
import stages.evidence
import stages.features
import stages.refine
from empaste.artifacts.classifier import TrainedClassifier, save_classifier
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.artifacts.tables import read_from
from empaste.costs.scale import Counts, Scale
from empaste.costs.stages import STAGES
from empaste.networks.weights import build_resnet
from empaste.params import load_params
from tests.costs.counting_passes import Seen, counted_passes, predicted
from tests.stages.classifying import REFINE, disc, square, write_dataset, write_params, write_refinable, write_segments

CLASSIFIER = {"architecture": "resnet_slim"}
"""That of the network that the tests save; `write_params` has its width."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset()


def scale_here(segments: int = 0) -> Scale:
    """The size of the data set in the current folder."""
    images, labels = read_from(Path("data/images"), Images), read_from(Path("data/labels"), Labels)
    train = images[images["split"] == "train"]["image_id"]
    pairs = int(labels["image_id"].isin(train).sum())
    counts = Counts(len(train), len(images) - len(train), pairs, 2, 40, 40, 1000.0)
    return Scale(counts, segments, len(train), 0, 0, 0)


def formula(stage: str, segments: int = 0) -> Seen:
    return predicted(STAGES[stage](load_params(Path("params.yaml")), scale_here(segments)).passes)


def save_classifier_and_maps(**changes: Any) -> None:
    """The outputs of the stages classifier and cams, for `changes` of the sections."""
    write_params(classifier=CLASSIFIER, **changes)
    network = build_resnet("resnet_slim", 8, None, 2).eval()
    save_classifier(
        TrainedClassifier(network, (2, 5), 32), Path("models/classifier"), architecture="resnet_slim", width=8,
        class_names=["disc", "square"],
    )  # fmt: skip
    stages.cams.main()


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 4), (3, 5), (12, 9), (25, 9)])
def test_classifier(epochs: int, batch_size: int) -> None:
    write_params(classifier={"epochs": epochs, "batch_size": batch_size})
    with counted_passes() as seen:
        stages.classifier.main()
    assert formula("classifier") == seen
    assert seen["training", 32] >= 9 * epochs


@pytest.mark.parametrize("epochs", [0, 2])
def test_classifier_that_begins_with_a_probe(epochs: int, tmp_path: Path) -> None:
    torch.save(build_resnet("resnet_slim", 8, None, 2).state_dict(), tmp_path / "w.pth")
    write_params(classifier={"epochs": epochs, "head": "probe", "weights": str(tmp_path / "w.pth")})
    with counted_passes() as seen:
        stages.classifier.main()
    assert formula("classifier") == seen
    assert seen["forward", 32] > 18


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scales": [0.5, 1.0, 1.5, 2.0], "flip": True},
        {"scales": [1.0, 1.01], "flip": False},
        {"scales": [1.0, 1.01, 2.0], "flip": True, "method": "lse"},
    ],
)
def test_cams(changes: dict[str, Any]) -> None:
    save_classifier_and_maps(cams=changes)
    with counted_passes() as seen:
        stages.cams.main()
    assert formula("cams") == seen
    maps = np.load("data/cams/heatmaps.npy")
    written = STAGES["cams"](load_params(Path("params.yaml")), scale_here()).written
    assert [one.count for one in written] == [maps.nbytes]


@pytest.mark.parametrize(
    ("num_judged", "fills", "num_reranked"),
    [
        (0, ["gray", "blur"], 0), (2, ["gray", "blur"], 0), (9, ["blur"], 0),
        (0, ["gray", "blur"], 1), (2, ["gray", "blur"], 2), (9, ["blur"], 3),
    ],
)  # fmt: skip
def test_evidence(num_judged: int, fills: list[str], num_reranked: int) -> None:
    save_classifier_and_maps(evidence={"num_judged": num_judged, "fills": fills, "num_reranked": num_reranked})
    sizes = {image_id: (24, 48) if image_id == 2 else (40, 40) for image_id in range(1, 10)}
    write_segments({one: [disc(*size), square(*size), disc(*size) | square(*size)] for one, size in sizes.items()})
    with counted_passes() as seen:
        stages.evidence.main()
    bound, ran = formula("evidence", 27)["forward", 32], seen["forward", 32]
    assert 0.9 * bound <= ran <= bound
    if num_judged in (0, 9) and num_reranked in (0, 3):
        assert ran == bound, "all are judged"


@pytest.mark.parametrize("views", [["crop"], ["crop", "in_place_gray", "in_place_blur"]])
def test_features(views: list[str]) -> None:
    save_classifier_and_maps(features={"views": views, "backbones": ["classifier", "classifier#layer3"]})
    write_segments({1: [disc(40, 40), square(40, 40)], 3: [square(40, 40)]})
    with counted_passes() as seen:
        stages.features.main()
    assert formula("features", 3) == seen
    assert seen["forward", 32] == 3 * len(views)


@pytest.mark.parametrize(("folds", "scale"), [(1, 1.0), (1, 2.0), (2, 1.0), (9, 1.0)])
def test_refine(folds: int, scale: float) -> None:
    write_refinable()
    write_params(refine=REFINE | {"folds": folds, "scale": scale, "flip": folds == 1})
    with counted_passes() as seen:
        stages.refine.main()
    foretold, side = formula("refine"), round(32 * scale)
    assert foretold["training", 32] == seen["training", 32] == 2 * min(folds, 4) * 4 * 2
    looked_at = foretold["forward", side]
    assert 0 < seen["forward", side] <= looked_at == 2 * 4 * (2 if folds == 1 else 1)
    if folds == 1:
        assert seen["forward", side] == looked_at, "no image shows only what its network did not learn"


def test_refine_without_rounds_does_nothing() -> None:
    write_params()
    assert not formula("refine")
