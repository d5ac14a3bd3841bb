"""The recorded model: loaded from the registry, and asked through a really running server."""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from PIL import Image

from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Network
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.model_server import limits_of, load_app
from empaste.photographs import read_photograph
from empaste.serving import (
    ARTIFACT,
    BOUNDS,
    MAX_IMAGE_MB,
    MAX_IMAGE_MEGAPIXELS,
    MAX_IMAGES,
    MAX_MB,
    MAX_MEGAPIXELS,
    read_bounds,
    read_request,
)
from empaste.tracking import Record, record_pipeline
from empaste.tracking.recording import MODEL_NAME
from empaste.tracking.store import find_store
from website.snippets import blocks

SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
LOAD = DetectSettings(min_score=0.05, max_detections=100, batch_size=1, num_threads=0, device="cpu")
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
        yield find_store().uri


@pytest.fixture
def loaded(store: str) -> Any:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    yield mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/1")
    mlflow.set_tracking_uri(before)


def expected(detector: Path, min_score: float) -> list[dict[str, Any]]:
    names = {3: "cat", 7: "dog"}
    (rows,) = load_detector(detector, LOAD)([IMAGE])
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
    with pytest.raises(InputError, match=r"image 1 of the request is not a readable image \(its kind is none of"):
        loaded.predict(pd.DataFrame({"image": [FILE, b"hello"]}))
    with pytest.raises(MlflowException, match=r"image 0 of the request is null"):
        loaded.predict(pd.DataFrame({"image": [None]}))


def test_bytes_and_base64_are_the_same_and_no_image_has_no_answer(loaded: Any) -> None:
    text = base64.encodebytes(FILE).decode()  # in lines
    first, second = loaded.predict(pd.DataFrame({"image": [FILE, text]}))
    assert first == second
    assert loaded.predict(pd.DataFrame({"image": []}, dtype=object)) == []


@pytest.mark.parametrize(("name", "options"), [("a.gif", {}), ("a.avif", {"quality": 90}), ("a.tif", {})])
def test_photographs_of_every_kind_are_read_as_training_reads_them(
    loaded: Any, detector: Path, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(IMAGE).save(tmp_path / name, **options, exif=exif)
    pixels = read_photograph(tmp_path / name).image
    (rows,) = load_detector(detector, LOAD)([pixels])
    (answer,) = loaded.predict(pd.DataFrame({"image": [(tmp_path / name).read_bytes()]}), params={"min_score": 0.05})
    assert [row["segmentation"] for row in answer["instances"]] == [row["segmentation"] for row in rows]
    assert rows


def test_odd_shapes_are_answered(loaded: Any) -> None:
    sizes = [(20, 3000), (1, 1), (3000, 1), (64, 80)]
    files = [encode_rgb(np.zeros((*size_hw, 3), np.uint8), ".png") for size_hw in sizes]
    answers = loaded.predict(pd.DataFrame({"image": files}), params={"min_score": 0.05})
    for size_hw, answer in zip(sizes, answers, strict=True):
        assert all(row["segmentation"]["size"] == list(size_hw) for row in answer["instances"])


def test_the_model_brings_its_code_and_what_that_needs(loaded: Any) -> None:
    folder = Path(str(loaded._model_impl.context.artifacts[ARTIFACT])).parents[1]
    assert (folder / "code/empaste/photographs.py").is_file()
    assert "pillow==" in (folder / "requirements.txt").read_text()


def header_of(height: int, width: int) -> bytes:
    """The start of a PNG that promises so many pixels, and has none."""
    chunk = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return start + struct.pack(">I", 0) + b"IDAT"


BOUNDED = {MAX_IMAGES: 3, MAX_IMAGE_MB: 1, MAX_MB: 2, MAX_IMAGE_MEGAPIXELS: 4, MAX_MEGAPIXELS: 6}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            [FILE] * 4,
            r"the request is too large: 4, allowed are 3 images in a request; .*EMPASTE_SERVE_MAX_IMAGES where",
        ),
        ([FILE, FILE + bytes(1_000_000)], r"image 1 of the request is too large: 1\.\d+, allowed are 1 MB of a file"),
        ([FILE + bytes(800_000)] * 3, r"the request is too large: 2\.\d+, allowed are 2 MB of all files of a request"),
        ([FILE, header_of(3000, 1500)], r"image 1 of the request is too large: 4\.5, allowed are 4 megapixels of an"),
        ([header_of(3000, 1000)] * 3, r"the request is too large: 9, allowed are 6 megapixels of all images"),
        ([FILE, b""], r"image 1 of the request is empty \(0 bytes\)"),
        ([FILE, 5], r"image 1 of the request is of type int; give the bytes of an image file, in JSON as base64"),
        (["no base64!"], r"image 0 of the request is text that is no base64 \(.*; it begins 'no base64!'\)"),
        ([float("nan")], "image 0 of the request is null"),
        ([pd.NA], "image 0 of the request is null"),
    ],
)
def test_a_request_is_bounded_before_anything_is_decoded(cells: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_request(cells, BOUNDED)


def test_bounds_come_from_the_environment() -> None:
    assert read_bounds({}) == {bound: bound.default for bound in BOUNDS}
    assert read_bounds({"EMPASTE_SERVE_MAX_IMAGES": " 7 "})[MAX_IMAGES] == 7
    for text in ("", "0", "-1", "many", "1.5"):
        with pytest.raises(InputError, match=r"EMPASTE_SERVE_MAX_MB is '.*'; set it to a whole number from 1 on"):
            read_bounds({"EMPASTE_SERVE_MAX_MB": text})


def test_what_fails_in_the_server_is_no_bad_request(loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(images: Any) -> Any:
        list(images)
        raise RuntimeError("out of memory in /some/path")

    monkeypatch.setattr(loaded._model_impl.python_model, "detect", fails)
    with pytest.raises(
        MlflowException, match=r"^image 0 of the request could not be detected on \(RuntimeError\);"
    ) as e:
        loaded.predict(pd.DataFrame({"image": [FILE]}))
    assert e.value.get_http_status_code() == 500


@pytest.fixture(scope="module")
def server(store: str) -> Iterator[str]:
    """The address of ``empaste serve`` on the registered model; what answers is MLflow's own application."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = "from empaste.cli import main; main()"
    command = [sys.executable, "-c", started, "serve", f"models:/{MODEL_NAME}/1", "--port", str(port)]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store, "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
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
    assert post(server, {"dataframe_split": {"columns": ["image"], "data": []}})["predictions"] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_command_of_the_page_sends_a_photograph_longer_than_an_argument_may_be(server: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    size = (tmp_path / "photo.jpg").write_bytes(encode_rgb(noise, ".jpg", 95))
    assert size > 128 * 1024, "Linux passes a program arguments of at most 128 KiB"
    page = Path(__file__).parents[1] / "docs" / "serving.md"
    (block,) = (one.body for one in blocks(page.read_text()) if "curl" in one.body)
    command = block.replace("localhost:5001/invocations", server)
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert list(json.loads(done.stdout)["predictions"][0]) == ["instances"]


GOOD = base64.b64encode(FILE).decode()


@pytest.mark.parametrize(
    ("images", "min_score", "said"),
    [
        ([GOOD, base64.b64encode(b"hello").decode()], 0.5, "image 1 of the request is not a readable image"),
        (
            [GOOD, base64.b64encode(FILE[:300]).decode()],
            0.5,
            "image 1 of the request is not a readable image (300 bytes",
        ),
        ([GOOD, None], 0.5, "image 1 of the request is null; give the bytes of an image file, in JSON as base64"),
        (["photo.jpg"], 0.5, "image 0 of the request is text that is no base64"),
        ([""], 0.5, "image 0 of the request is empty (0 bytes)"),
        ([GOOD] * 65, 0.5, "the request is too large: 65, allowed are 64 images in a request"),
        ([GOOD], 0.0, "min_score is 0.0; choose a number from 0.05 to 1"),
        ([GOOD], float("nan"), "min_score is nan; choose a number from 0.05 to 1"),
        ([GOOD], None, "min_score is None; choose a number from 0.05 to 1"),
    ],
)
def test_a_running_server_says_what_is_wrong_with_a_request(
    server: str, images: list[Any], min_score: Any, said: str
) -> None:
    answer = refused(
        server, {"dataframe_records": [{"image": one} for one in images], "params": {"min_score": min_score}}
    )
    assert answer["message"].startswith(said)
    assert "stack_trace" not in answer


def test_a_running_server_refuses_a_long_request_unread(server: str) -> None:
    stated = str(limits_of({}).max_bytes + 1)
    request = urllib.request.Request(server, b"", {"Content-Length": stated, "Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=60)
    with caught.value as error:
        assert error.code == 413
        assert json.loads(error.read())["message"] == "the request is longer than 342,000,000 bytes; send less at once"


def test_a_model_that_is_not_there_is_named(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    with pytest.raises(InputError, match=r"cannot be used: .*nothing"):
        load_app("models:/nothing/1")


def test_mlflow_says_what_does_not_fit_the_signature(server: str) -> None:
    record = [{"image": GOOD}]
    for body, said in (
        ({"dataframe_records": [{"picture": GOOD}]}, "Model is missing inputs ['image']"),
        ({"dataframe_records": record, "params": {"min_score": "high"}}, "Can not safely convert"),
    ):
        answer = refused(server, body)
        assert said in answer["message"]
        assert "stack_trace" not in answer


def refused(address: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body of the answer to a bad request."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(address, body)
    with caught.value as error:
        assert error.code == 400
        return dict(json.loads(error.read()))


def post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())
