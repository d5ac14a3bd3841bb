"""The recorded model: loaded from the registry, and asked through a really running server."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste import tracking
from empaste.artifacts.networks import save_network
from empaste.detectors import load_detector
from empaste.detectors.backend import Network
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.tracking import MODEL_NAME, Record, record_pipeline

SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
LOAD: dict[str, Any] = {"min_score": 0.05, "max_detections": 100, "num_threads": 0, "device": "cpu"}
CONFIG = {
    "backend": "torchvision", **asdict(SLIM), "classes": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
}  # fmt: skip
IMAGE = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
FILE = encode_rgb(IMAGE, ".png")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector: its answers are nonsense, but always the same."""
    import torch

    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_network(build_mask_rcnn(SLIM, 2, None), folder, CONFIG)
    return folder


@pytest.fixture(scope="module")
def store(detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a store that holds one run with the model."""
    top = tmp_path_factory.mktemp("top")
    (top / ".dvc").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        for name in ("DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        patch.setenv("EMPASTE_TRACKING", "on")
        record_pipeline(Record(params={}, metrics={}, headline="", detector=(detector, FILE)))
        yield tracking.find_store().uri


@pytest.fixture
def loaded(store: str) -> Any:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    yield mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/1")
    mlflow.set_tracking_uri(before)


def expected(detector: Path, min_score: float) -> list[dict[str, Any]]:
    names = {3: "cat", 7: "dog"}
    (rows,) = load_detector(detector, **LOAD)([IMAGE])
    return [{"class_name": names[row["category_id"]], **row} for row in rows if row["score"] >= min_score]


def test_the_registered_model_finds_what_the_detector_finds(loaded: Any, detector: Path) -> None:
    tenth = expected(detector, 0.05)[9]["score"]
    answers = loaded.predict(pd.DataFrame({"image": [FILE, FILE]}), params={"min_score": tenth})
    wanted = expected(detector, tenth)
    assert 10 <= len(wanted) < 20, "the score must decide something"
    assert answers == [{"instances": wanted}] * 2


def test_it_has_a_signature_and_an_input_example(loaded: Any) -> None:
    assert [column.name for column in loaded.metadata.get_input_schema().inputs] == ["image"]
    assert [param.name for param in loaded.metadata.get_params_schema().params] == ["min_score"]
    assert loaded.metadata.saved_input_example_info is not None


def test_bad_requests_are_named(loaded: Any) -> None:
    with pytest.raises(InputError, match=r"min_score is 0\.01; choose a number from 0\.05 to 1"):
        loaded.predict(pd.DataFrame({"image": [FILE]}), params={"min_score": 0.01})
    with pytest.raises(InputError, match=r"image 1 of the request is not a readable image \(5 bytes\)"):
        loaded.predict(pd.DataFrame({"image": [FILE, b"hello"]}))


@pytest.fixture
def server(store: str) -> Iterator[str]:
    """The address of ``mlflow models serve`` on the registered model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{MODEL_NAME}/1"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    process = subprocess.Popen(
        [*command, "--env-manager", "local", "--port", str(port)], env=environment, start_new_session=True
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/ping", process)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the server does not answer")


def test_a_running_server_answers_as_the_detector_does(server: str, detector: Path) -> None:
    record = {"image": base64.b64encode(FILE).decode()}
    body = {"dataframe_records": [record], "params": {"min_score": 0.2}}
    assert post(server, body)["predictions"] == [{"instances": expected(detector, 0.2)}]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(server, {"dataframe_records": [{"image": base64.b64encode(b"hello").decode()}]})


def post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
