"""A registered model's server: what it needs of the machine is found before the model is loaded."""

import socket
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from empaste import model_server
from empaste.errors import InputError


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were loaded, none of which is one."""
    names: list[str] = []

    def load(name: str) -> Starlette:
        names.append(name)
        return Starlette()

    monkeypatch.setattr(model_server, "load_app", load)
    return names


def test_a_taken_port_is_found_before_the_model_is_loaded(loaded: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = rf"^--port {port} of 127.0.0.1 cannot be listened on \(.*in use.*\); give another --port"
        with pytest.raises(InputError, match=expected):
            model_server.serve_model("models:/a/1", "127.0.0.1", port)
    assert loaded == []


def test_the_server_listens_where_it_says(
    loaded: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        places.extend(one.getsockname() for one in sockets)

    places: list[Any] = []
    monkeypatch.setattr(uvicorn.Server, "run", run)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    model_server.serve_model("models:/a/1", "127.0.0.1", port)
    assert (loaded, places) == (["models:/a/1"], [("127.0.0.1", port)])
    assert f"models:/a/1 answers at http://127.0.0.1:{port}/invocations" in capsys.readouterr().err
