"""The benchmark of proposals runs and ends with its figures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.proposals import main
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import write_table
from empaste.images import write_rgb


def test_last_line_compares_with_the_peer_and_the_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    folder = tmp_path / "data/images"
    folder.mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    write_rgb(folder / "a.png", image)
    rows = {"image_id": [1], "split": ["train"], "file_name": ["a.png"], "height": [48], "width": [64]}
    write_table(pd.DataFrame(rows), folder / "images.parquet", Images)
    main(tmp_path, images=1, method="selective_search")
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["images"] == 1
    assert figures["segments"] > 0
    assert figures["times_bar"] == round(figures["ms"] / 500, 3)
    assert figures["times_opencv"] > 0
