"""The benchmark of features runs on any project's folder, and ends with its figures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.features import main
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.masks import encode_mask
from tests.stages.classifying import write_dataset
from tests.tiny_models import save_tiny_classifier


def test_figures_are_shares_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset()
    Path("models/classifier").mkdir(parents=True)
    save_tiny_classifier(Path("models/classifier"), ("disc", "square"))
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:25] = True
    row = {"image_id": 1, "counts": encode_mask(mask)["counts"], "height": 40, "width": 40, "area": 200}
    row |= {"x": 5, "y": 5, "box_width": 20, "box_height": 10, "score": 1.0}
    rows = [{"segment_id": number} | row for number in range(7)]
    write_table(pd.DataFrame(rows), Path("data/segments/segments.parquet"), Segments)
    main(batch_size=4)
    *_, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert figures["segments"] == 7
    assert 0 < figures["network_share"] < 1
    assert 0 < figures["waiting_share"] < 1
    assert figures["ratio"] == pytest.approx(figures["network_share"] / 0.85, abs=1e-3)
