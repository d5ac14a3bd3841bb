"""The stage: captions of the training images alone, as written and substituted, the same bytes each time."""

from pathlib import Path

import pandas as pd
import pytest
import typer

from empaste.artifacts.schemas import Captions, Classes, Images, Labels
from empaste.artifacts.tables import read_table, write_table
from stages.captions import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    images = pd.DataFrame(
        {"image_id": [1, 2, 5], "split": ["train", "train", "val"], "file_name": ["a.jpg", "b.jpg", "c.jpg"],
         "height": 8, "width": 8}
    )  # fmt: skip
    classes = pd.DataFrame({"class_id": [1, 2], "name": ["dog", "sofa"], "supercategory": ["animal", "furniture"]})
    labels = pd.DataFrame({"image_id": [1, 1, 2, 5], "class_id": [1, 2, 2, 1]})
    write_table(images, Path("data/images/images.parquet"), Images)
    write_table(classes, Path("data/labels/classes.parquet"), Classes)
    write_table(labels, Path("data/labels/labels.parquet"), Labels)


def test_captions_of_the_training_images() -> None:
    main()
    first = Path("data/captions/captions.parquet").read_bytes()
    table = read_table(Path("data/captions/captions.parquet"), Captions)
    assert table["image_id"].tolist() == [1, 1, 2, 2]
    assert table["caption_id"].tolist() == [0, 1, 2, 3]
    of_first = table[table["image_id"] == 1]
    assert of_first["text"].str.contains("dog").all() and of_first["text"].str.contains("sofa").all()
    assert not table["substituted"].str.contains("dog|sofa").any()
    main()
    assert Path("data/captions/captions.parquet").read_bytes() == first


def test_a_model_is_wanted_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("method: labels ", "method: blip "))
    with pytest.raises(typer.Exit):
        main()
    assert "captions.model is null" in capsys.readouterr().err
    assert not Path("data/captions").exists()
