"""Whatever classes are called, their names come through whole: report, record, prediction, server."""

import html
import importlib.util
import json
import re
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.networks import save_network
from empaste.detectors.detecting import DetectSettings
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.models import check_classes, classes_of
from empaste.images import write_rgb
from empaste.prediction import predict_files
from empaste.report.inputs import read_plot
from empaste.rle import RLE
from empaste.tracking.names import mlflow_name
from empaste.tracking.store import EXPERIMENT, find_store
from stages import report
from tests.test_serving import FILE, IMAGE, SLIM

SPEC = importlib.util.spec_from_file_location("hand_made_run", Path(__file__).parent / "report" / "conftest.py")
assert SPEC
assert SPEC.loader
hand_made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hand_made)

NAMES = [
    "كرة 2", "🍎", "🍐", "NA", "None", "001", "1", "nothing", "nan", "True", "C+", "C#", "a/b", "..", ".", "a.b",
    "z" * 60, "z" * 59 + "y", "כדור", "中文", "हिन्दी", "<b>", '"', ";", "'", "$", "{{x}}", "{% x %}",
    "a,b", "missed", "all", "AP", "[/]", "Cat", "cat",
]  # fmt: skip
CLASSES = dict(enumerate(NAMES, 1))


def test_the_page_and_the_record_hold_every_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_made.make_run(tmp_path, classes=CLASSES)
    (tmp_path / "models/mask_rcnn/config.json").unlink()
    (tmp_path / "models/mask_rcnn").rmdir()
    for name in ("DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI", "EMPASTE_TRACKING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    report.main()
    page = Path("report/index.html").read_text()
    rows = re.findall('<tr><td dir="auto">(.*?)</td>', page)
    assert [html.unescape(row) for row in rows] == NAMES
    assert '<td dir="auto">&lt;b&gt;</td>' in page
    assert "<b>" not in page.replace('<div class="tile"><b>', "")
    confusion = read_plot(Path("plots/confusion.csv"))
    assert set(confusion["actual"]) == set(NAMES)
    assert set(confusion["predicted"]) == {*NAMES, ""} - {"🍎"}

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=find_store().uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    for stage, key in (("evaluate.mask", "AP50_per_class"), ("prepare", "images_per_class")):
        of_classes = [name for name in run.data.metrics if name.startswith(f"{stage}.{key}.")]
        assert sorted(of_classes) == sorted(mlflow_name(f"{stage}.{key}.{name}") for name in NAMES)
    stored = client.download_artifacts(run.info.run_id, "plots/confusion.csv")
    assert read_plot(Path(stored)).equals(confusion)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector of these classes: its answers are nonsense, but always the same."""
    folder = tmp_path_factory.mktemp("model")
    classes = [{"id": number, "name": name} for number, name in CLASSES.items()]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = {"backend": "torchvision", **asdict(SLIM), "classes": classes}
        save_network(build_mask_rcnn(SLIM, len(NAMES), None), folder, config)
    return folder


def test_a_detector_knows_its_classes_by_name(detector: Path) -> None:
    assert classes_of(detector) == CLASSES
    check_classes(detector, CLASSES, Path("val.json"))


def test_a_prediction_names_its_classes(detector: Path, tmp_path: Path) -> None:
    write_rgb(tmp_path / "a.png", IMAGE)
    settings = DetectSettings(min_score=0.01, max_detections=50, batch_size=1, num_threads=1, device="cpu")
    done = predict_files(tmp_path / "a.png", detector, tmp_path / "out", settings)
    data = read_coco(tmp_path / "out/instances.json")
    assert {row["id"]: row["name"] for row in data["categories"]} == CLASSES
    assert done.num_instances == len(data["annotations"]) > 10
    assert (tmp_path / "out/overlays/a.png").exists()


def test_the_server_answers_with_the_names(detector: Path) -> None:
    from mlflow.pyfunc.scoring_server import predictions_to_json

    from empaste.serving import ARTIFACT, ServedDetector

    served = ServedDetector()
    served.load_context(SimpleNamespace(artifacts={ARTIFACT: str(detector)}))
    served.detect = lambda images: [[found(number) for number in CLASSES] for _ in images]
    answer = StringIO()
    predictions_to_json(served.predict(None, pd.DataFrame({"image": [FILE]}), {"min_score": 0.5}), answer)
    (image,) = json.loads(answer.getvalue())["predictions"]
    assert [row["class_name"] for row in image["instances"]] == NAMES


def found(class_id: int) -> DetectedInstance:
    segmentation = RLE(size=[64, 80], counts="0")
    return {"category_id": class_id, "score": 0.9, "bbox": [0.0, 0.0, 1.0, 1.0], "segmentation": segmentation}
