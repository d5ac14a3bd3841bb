"""The stage on the hand-made run of tests/report."""

import importlib.util
from pathlib import Path

import pytest
import typer

from empaste import tracking
from stages import report

SPEC = importlib.util.spec_from_file_location("hand_made_run", Path(__file__).parents[1] / "report" / "conftest.py")
assert SPEC
assert SPEC.loader
hand_made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hand_made)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hand_made.make_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EMPASTE_TRACKING", "off")
    return tmp_path


def test_it_writes_the_page(folder: Path) -> None:
    report.main()
    assert (folder / "report" / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert not (folder / "mlflow.db").exists()


def test_it_records_everything_of_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(tracking, "record_pipeline", lambda record, _params: seen.append(record))
    (folder / "dvc.lock").write_text("stages: {}\n")
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("tags: {}", "tags: {study: paste, seed: 2}"))
    report.main()
    (record,) = seen
    assert record.tags == {"study": "paste", "seed": "2"}
    assert record.params["paste.n_p"] == 3
    assert record.params["proposals.slic.compactness"] == 10.0
    assert record.metrics["foregrounds.precision50.iter_1"] == 83.25
    assert record.metrics["evaluate.mask.AP50_per_class.tv & <monitor>"] == 50.0
    assert "evaluate.mask.APs" not in record.metrics
    assert list(record.curves["train"]) == ["iteration", "loss"]
    assert len(record.curves["train"]["loss"]) == 1000
    assert {path.name for path, _ in record.files} >= {
        "index.html",
        "params.yaml",
        "dvc.lock",
        "train.csv",
    }
    folder_of_model, example = record.detector
    assert folder_of_model == Path("models/mask_rcnn")
    assert example == next(path.read_bytes() for path in sorted(Path("data/images").glob("*/*.*")))
    assert list(record.figures) == [
        "1_images.jpg", "2_proposals.jpg", "3_foregrounds.jpg", "4_backgrounds.jpg", "5_composites.jpg",
        "6_detections.jpg", "7_mistakes.jpg",
    ]  # fmt: skip
    assert record.headline.startswith("mask AP50 58.4 · mask AP75 37.2 · box AP50 58.4")


def test_where_the_store_fails_the_stage_succeeds_and_the_record_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMPASTE_TRACKING", "on")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    report.main()
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "WARNING: MLflow's store http://127.0.0.1:9 cannot be used: nothing answers" in said
    assert f"Kept in {folder}/.work/tracking: 1 run," in said
    assert (folder / "report" / "index.html").exists()
    (model,) = (folder / ".work" / "tracking").glob("*/detector")
    assert {path.name for path in model.iterdir()} == {path.name for path in Path("models/mask_rcnn").iterdir()}


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("metrics/evaluate.json", None, "metrics/evaluate.json does not exist; run: dvc repro evaluate"),
        ("metrics/paste.json", "{", "metrics/paste.json is not valid JSON"),
        ("metrics/paste.json", "[1]", "metrics/paste.json holds list, not named figures; run: dvc repro paste"),
        ("plots/train.csv", None, "plots/train.csv does not exist"),
        ("plots/train.csv", "", "plots/train.csv is not a readable table"),
    ],
)
def test_a_missing_or_broken_input_is_named_and_the_earlier_page_stays(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str, content: str | None, message: str
) -> None:
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("earlier")
    (folder / path).unlink() if content is None else (folder / path).write_text(content)
    with pytest.raises(typer.Exit):
        report.main()
    assert message in capsys.readouterr().err
    assert (folder / "report" / "index.html").read_text() == "earlier"
