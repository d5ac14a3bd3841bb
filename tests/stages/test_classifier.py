"""The stage: a model, metrics and a curve; the same bytes after an interruption; nothing half-written on bad input."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.classification import train
from stages.classifier import main
from tests.stages.classifying import write_dataset, write_params

OUTPUTS = ("models/classifier/model.safetensors", "metrics/classifier.json", "plots/classifier.csv")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_params()
    write_dataset()


def outputs() -> list[bytes]:
    return [Path(path).read_bytes() for path in OUTPUTS]


def test_the_model_its_metrics_and_its_curve() -> None:
    main()
    classifier = load_classifier(Path("models/classifier"))
    assert (classifier.class_ids, classifier.image_size) == ((2, 5), 32)
    assert json.loads(Path("models/classifier/config.json").read_text())["class_names"] == ["disc", "square"]
    metrics = json.loads(Path("metrics/classifier.json").read_text())
    assert list(metrics["AP_per_class"]) == ["disc", "square"]
    assert metrics["mAP"] == pytest.approx(sum(metrics["AP_per_class"].values()) / 2)
    assert 0 <= metrics["mAP"] <= 100
    curve = pd.read_csv("plots/classifier.csv")
    assert curve["epoch"].tolist() == [1, 2]
    assert curve["val_mAP"].iloc[-1] == pytest.approx(metrics["mAP"])
    assert {"loss", "learning_rate"} <= set(curve.columns)
    assert not list(Path(".work/classifier").iterdir())


def test_interrupted_and_run_again_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    main()
    undisturbed = outputs()
    train_epoch = train._train_epoch

    def stop_in_the_second(*args: Any) -> float:
        if args[-1] == 1:
            raise KeyboardInterrupt
        return train_epoch(*args)

    monkeypatch.setattr(train, "_train_epoch", stop_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        main()
    assert len(list(Path(".work/classifier").glob("*/checkpoint.pt"))) == 1
    assert outputs() == undisturbed
    epochs = []

    def train_and_note(*args: Any) -> Any:
        epochs.append(args[-1])
        return train_epoch(*args)

    monkeypatch.setattr(train, "_train_epoch", train_and_note)
    main()
    assert epochs == [1]
    assert outputs() == undisturbed


def test_large_data_are_read_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    main()
    in_memory = outputs()
    monkeypatch.setattr("empaste.classification.labelled_images.MAX_BYTES_IN_MEMORY", 1)
    main()
    assert outputs() == in_memory


def test_weights_of_its_own_are_taken_up() -> None:
    main()
    Path("models/classifier/model.safetensors").rename("weights.safetensors")
    write_params(classifier={"weights": "weights.safetensors"})
    main()
    assert Path("models/classifier/model.safetensors").read_bytes() != Path("weights.safetensors").read_bytes()


def test_no_validation_images_leave_the_metrics_unmeasured() -> None:
    write_dataset(num_val=0)
    main()
    metrics = json.loads(Path("metrics/classifier.json").read_text())
    assert metrics == {"mAP": None, "AP_per_class": {"disc": None, "square": None}}


def test_a_class_without_a_training_image_is_legal() -> None:
    labels = read_table(Path("data/labels/labels.parquet"), Labels)
    write_table(labels.query("class_id == 2"), Path("data/labels/labels.parquet"), Labels)
    main()
    assert json.loads(Path("metrics/classifier.json").read_text())["AP_per_class"]["square"] is None


def test_bad_input_ends_with_a_message_and_leaves_the_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    before = outputs()

    def refused() -> str:
        with pytest.raises(typer.Exit):
            main()
        assert outputs() == before
        return capsys.readouterr().err

    write_params(classifier={"weights": "missing.pth"})
    assert "classifier.weights names 'missing.pth', but there is no such file" in refused()
    write_params(classifier={"learning_rate": 1e30})
    assert "lower classifier.learning_rate" in refused()
    write_params()
    Path("data/images/train/003.png").write_bytes(b"")
    assert "003.png is not a readable image (0 bytes)" in refused()
    table = read_table(Path("data/images/images.parquet"), Images)
    write_table(table.query("split == 'val'"), Path("data/images/images.parquet"), Images)
    assert "holds no training image" in refused()
