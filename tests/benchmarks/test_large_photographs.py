"""The benchmark of large photographs measures processes of their own, and ends with its figures."""

import json

import pytest
import typer

from benchmarks.large_photographs import WAYS, main


def test_every_way_really_draws_its_masks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        main("320x240")
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["way"] for one in told["figures"]] == list(WAYS)
    for one in told["figures"]:
        assert one["detections"] == 100
        assert one["largest_area"] > 0.9
        assert one["mean_area"] > 0.1
        assert 0.1 < one["peak_gib"] < 1.5
        assert one["limit_gib"] is None
    assert told["kept"] is True
    assert ended.value.exit_code == 0
