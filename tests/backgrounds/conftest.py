"""Tiny models with random weights, no hub, an endpoint of our own, and scenes of stripes with a square object."""

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.backgrounds.scenes import Scene
from empaste.images import encode_rgb, write_rgb
from empaste.masks import encode_mask

# Read when the hub library is imported: names that are no folder are refused without a look-up.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def tiny_diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_models import save_stable_diffusion

    return save_stable_diffusion(tmp_path_factory.mktemp("diffusion"))


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.tiny_models import save_clip

    return f"local-dir:{save_clip(tmp_path_factory.mktemp('clip'))}"


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    """Three scenes: blue above, green below, a red square that is to be erased."""
    made = []
    for number in range(1, 4):
        rng = np.random.default_rng(number)
        image = np.zeros((48, 64, 3), np.uint8)
        image[:24], image[24:] = (60, 90, 200), (50, 160, 60)
        image = (image + rng.integers(-8, 9, image.shape)).clip(0, 255).astype(np.uint8)
        mask = np.zeros((48, 64), bool)
        mask[18:32, 10 * number : 10 * number + 14] = True
        image[mask] = (220, 20, 20)
        write_rgb(tmp_path / f"{number}.png", image)
        captions = ((2 * number, "a tree on grass"), (2 * number + 1, "a gate"))
        erase = (encode_mask(mask)["counts"],)
        made.append(Scene(number, tmp_path / f"{number}.png", 48, 64, erase, captions, ("sofa",)))
    return made


class Painter(ThreadingHTTPServer):
    """An endpoint of OpenAI's protocol.

    Every request takes the next of ``script``, and the last one for ever: a status, "b64", "url", "black", "garbage",
    "empty", "hang", "drip" or "close".
    """

    daemon_threads = True

    def __init__(self, script: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = list(script)
        self.asked: list[Any] = []
        self.times: list[float] = []
        self.authorized: list[str | None] = []
        self.headers_sent: dict[str, str] = {}
        self.lock = threading.Lock()
        self.released = threading.Event()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_act(self, fields: dict[str, Any], authorization: str | None) -> Any:
        with self.lock:
            self.asked.append(fields)
            self.times.append(time.monotonic())
            self.authorized.append(authorization)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def painted(prompt: str) -> bytes:
    return encode_rgb(np.random.default_rng(len(prompt)).integers(0, 255, (40, 48, 3), np.uint8), ".png")


class _Handler(BaseHTTPRequestHandler):
    server: Painter

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.server.authorized.append(self.headers.get("Authorization"))
        self._answer(200, painted(self.path))

    def do_POST(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        act = self.server.next_act(fields, self.headers.get("Authorization"))
        if self.path != "/v1/images/generations":
            act = 404
        if isinstance(act, int):
            return self._answer(act, json.dumps({"error": {"message": f"no: {act}"}}).encode())
        if isinstance(act, tuple):
            return self._answer(act[0], act[1].encode())
        image = painted(fields["prompt"])
        if act == "black":
            image = encode_rgb(np.zeros((40, 48, 3), np.uint8), ".jpg")
        coded = {"b64_json": base64.b64encode(image).decode()}
        if act in ("b64", "black"):
            self._answer(200, json.dumps({"created": 1, "data": [coded]}).encode())
        elif act == "url":
            address = f"{self.server.base_url}/made/{len(self.server.asked)}.png"
            self._answer(200, json.dumps({"data": [{"url": address, "b64_json": None}]}).encode())
        elif act == "garbage":
            self._answer(200, b"<html>a proxy's page</html>")
        elif act == "empty":
            self._answer(200, json.dumps({"data": [{"b64_json": "bm8gaW1hZ2U="}]}).encode())
        elif act == "file":
            self._answer(200, json.dumps({"data": [{"url": "file:///etc/hostname"}]}).encode())
        elif act == "hang":
            self.server.released.wait(20)
        elif act == "drip":
            self.send_response(200)
            self.end_headers()
            while not self.server.released.wait(0.05):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return None
        return None

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in self.server.headers_sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def painters(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts endpoints: ``painters([503, "b64"])``; the key lies in PAINTER_KEY."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PAINTER_KEY", "sesame")
    running: list[Painter] = []

    def start(script: list[Any]) -> Painter:
        painter = Painter(script)
        threading.Thread(target=painter.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(painter)
        return painter

    yield start
    for painter in running:
        painter.released.set()
        painter.shutdown()
        painter.server_close()


@pytest.fixture
def api_options() -> dict[str, Any]:
    """The section ``backgrounds.api``, but for the address."""
    return {
        "model": "painter-1", "key_env": "PAINTER_KEY", "size": "512x512", "options": {}, "timeout": 5.0,
        "max_concurrent": 3, "price_per_image": None, "max_cost": None,
    }  # fmt: skip
