"""The stage: captions of the training images alone, as written and substituted, the same bytes each time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.images import read_rgb, write_rgb
from stages.captions import main

ROOT = Path(__file__).parents[2]
TABLE = Path("data/captions/captions.parquet")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configure()
    images = pd.DataFrame(
        {"image_id": [1, 2, 5], "split": ["train", "train", "val"],
         "file_name": ["train/a.jpg", "train/b.jpg", "val/c.jpg"], "height": 8, "width": 8}
    )  # fmt: skip
    classes = pd.DataFrame({"class_id": [1, 2], "name": ["dog", "sofa"], "supercategory": ["animal", "furniture"]})
    labels = pd.DataFrame({"image_id": [1, 1, 2, 5], "class_id": [1, 2, 2, 1]})
    write_table(images, Path("data/images/images.parquet"), Images)
    write_table(classes, Path("data/labels/classes.parquet"), Classes)
    write_table(labels, Path("data/labels/labels.parquet"), Labels)
    Path("data/images/train").mkdir()
    for number, name in enumerate("ab"):
        write_rgb(Path(f"data/images/train/{name}.jpg"), np.full((8, 8, 3), 90 + number, np.uint8))


def configure(**changes: Any) -> None:
    """params.yaml as shipped, but for ``changes`` of the captions section."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["captions"] |= changes
    Path("params.yaml").write_text(yaml.safe_dump(content))


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit):
        main()
    assert not TABLE.exists()
    return capsys.readouterr().err


def test_captions_of_the_training_images() -> None:
    main()
    first = TABLE.read_bytes()
    table = read_table(TABLE, Captions)
    assert table["image_id"].tolist() == [1, 1, 2, 2]
    assert table["caption_id"].tolist() == [0, 1, 2, 3]
    of_first = table[table["image_id"] == 1]
    assert of_first["text"].str.contains("dog").all()
    assert of_first["text"].str.contains("sofa").all()
    assert not table["substituted"].str.contains("dog|sofa").any()
    metrics = json.loads(Path("metrics/captions.json").read_text())
    assert metrics["images"] == 2
    assert metrics["labels_named"] == 100.0
    assert metrics["substituted_words"]["of_classes"] == {"dog": 2, "sofa": 4}
    main()
    assert TABLE.read_bytes() == first


def test_a_fraction_of_the_images() -> None:
    configure(fraction=0.5)
    main()
    assert read_table(TABLE, Captions)["image_id"].nunique() == 1


def test_own_words_and_supercategories() -> None:
    Path("words.csv").write_text("class,synonym\ndog,meadow\n")
    configure(method="file", file="captions.csv", synonyms="words.csv", supercategories={"dog": "person"})
    Path("captions.csv").write_text("file_name,caption\na.jpg,the meadow\nb.jpg,a hill\n")
    main()
    assert read_table(TABLE, Captions)["substituted"].tolist() in (["the monkey", "a hill"], ["the gorilla", "a hill"])


def test_a_caption_file_of_other_images(capsys: pytest.CaptureFixture[str]) -> None:
    Path("captions.json").write_text(json.dumps([{"image_id": 99, "caption": "a hill"}]))
    configure(method="file", file="captions.json")
    assert "captions for none of the 2 training images: it has 99" in refused(capsys)


def test_a_model_or_a_file_is_wanted_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("blip", "git", "image_text_to_text"):
        configure(method=method)
        assert f"captions.model is null, but method {method} needs one" in refused(capsys)
    configure(method="file")
    assert "captions.file is null, but method file reads captions" in refused(capsys)


def test_a_supercategory_that_has_no_distractors(capsys: pytest.CaptureFixture[str]) -> None:
    configure(supercategories={"dog": "beast"})
    assert "captions.supercategories.dog is 'beast'; choose from" in refused(capsys)


def test_a_model_goes_on_where_it_was_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.captions.tiny_captioners import save_git

    (tmp_path / "model").mkdir()
    monkeypatch.setattr("empaste.captions.resuming.SCENES_PER_PART", 1)
    configure(method="git", model=str(save_git(tmp_path / "model")), batch_size=1, device="cpu", max_tokens=6)
    main()
    whole = TABLE.read_bytes()
    assert not list(Path(".work/captions").iterdir())

    calls: list[str] = []

    def interrupted(path: Path) -> np.ndarray:
        calls.append(path.name)
        if calls == ["a.jpg", "b.jpg"]:
            raise KeyboardInterrupt
        return read_rgb(path)

    monkeypatch.setattr("empaste.captions.sampling.read_rgb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main()
    main()
    assert calls == ["a.jpg", "b.jpg", "b.jpg"]
    assert TABLE.read_bytes() == whole
