"""Where runs are recorded, without passwords, and what keeps them from it."""

from pathlib import Path

import pytest

from empaste.doctor import tracking
from empaste.doctor.check import Check
from empaste.tracking.identity import PipelineRun
from empaste.tracking.outbox import keep_points


def test_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_TRACKING", "off")
    assert tracking.check_tracking().state == "note"
    monkeypatch.setenv("EMPASTE_TRACKING", "perhaps")
    assert tracking.check_tracking().state == "broken"
    monkeypatch.setenv("EMPASTE_TRACKING", "on")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    assert "secret" not in tracking.check_tracking().text
    assert tracking.check_tracking().text.startswith("runs cannot be recorded in http://…@127.0.0.1:9: nothing answers")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.check_tracking().text.endswith("mlflow.db")


def test_runs_that_wait_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert tracking.check_kept_runs() == []
    keep_points(PipelineRun({"host": "a"}, "baseline", {}, 0), [("loss", 1, 0.5)])
    assert tracking.check_kept_runs() == [
        Check("note", f"1 run that MLflow could not record in {tmp_path}/.work/tracking; send with: empaste sync")
    ]


def test_a_local_store_is_shown_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///sub/x.db")
    assert tracking.check_tracking() == Check("ok", f"runs are recorded in {tmp_path}/sub/x.db")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.db").write_text("no database at all")
    assert tracking.check_tracking().state == "broken"
    assert "the file is no SQLite database" in tracking.check_tracking().text
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite://")
    assert tracking.check_tracking().state == "broken"
    assert tracking.check_models() == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///a%2520b/x.db")
    assert tracking.check_tracking() == Check("ok", f"runs are recorded in {tmp_path}/a%20b/x.db")
    assert "dst_path" in tracking.check_models()[0].text
