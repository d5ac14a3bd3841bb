"""The server's answers, over HTTP as a browser or another page would ask."""

import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from empaste.artifacts.foreground_decisions import read_foreground_decisions
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import write_into
from empaste.errors import InputError
from empaste.layout import Layout
from empaste.review import server
from empaste.review.opening import ADDRESS, LOCK, alone, note_address, serve_review
from tests.review.conftest import TOKEN, write_pool


def ask(address: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, content and headers of an answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"x-token": TOKEN} | {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, data, sent), timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def content(address: str, path: str, body: Any = None, **headers: str) -> Any:
    return json.loads(ask(address, path, body, **headers)[1])


def test_the_page_and_what_it_asks_for(served: str, run: Layout) -> None:
    status, page, headers = ask(served, "/")
    assert (status, b"Review of foregrounds" in page) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]
    for path in server.PUBLIC:
        assert ask(served, path, x_token="")[0] == 200
    ball, fish = content(served, "/api/classes")
    assert (ball["name"], ball["undecided"], fish["name"]) == ("ball", 2, "fish & <chips>")
    rows = content(served, f"/api/foregrounds?class={urllib.parse.quote(fish['name'])}")
    key = rows[0]["key"]
    assert content(served, f"/api/foreground?key={key}")["labels"] == ["ball", fish["name"]]
    status, image, headers = ask(served, f"/image?key={key}&token={TOKEN}", x_token="")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert image == (run.images / "train/a 1.png").read_bytes()


def test_an_image_that_is_not_there(served: str, run: Layout) -> None:
    key = content(served, "/api/foregrounds?class=ball")[0]["key"]
    (run.images / "train/b.png").unlink()
    status, answer, _ = ask(served, f"/image?key={key}")
    assert (status, "b.png does not exist; run: dvc repro prepare" in json.loads(answer)["error"]) == (409, True)


def test_a_decision_and_a_label(served: str, run: Layout) -> None:
    key = content(served, "/api/foregrounds?class=ball")[0]["key"]
    own = {"origin": served}
    assert content(served, "/api/decide", {"key": key, "verdict": "reject"}, **own)["verdict"] == "reject"
    assert [one.verdict for one in read_foreground_decisions(run.foreground_decisions)] == ["reject"]
    assert content(served, "/api/another", {"key": key}, **own)["instance"] == 1
    assert content(served, "/api/label", {"key": key, "class": "ball", "present": False}) == []


ELSEWHERE = {"origin": "http://example.org"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"x_token": ""}, "the token is missing or wrong"),
        ({"x_token": "another"}, "the token is missing or wrong"),
        ({"x_token": "ä"}, "the token is missing or wrong"),
        ({"host": "example.org"}, "this server is for its own machine"),
        ({"host": "127.0.0.1.example.org:80"}, "this server is for its own machine"),
        ({"host": "[::1"}, "this server is for its own machine"),
        (ELSEWHERE, "a page of http://example.org may not decide anything here"),
        ({"origin": "null"}, "a page of null may not decide anything here"),
    ],
)
def test_whom_the_server_refuses(served: str, run: Layout, headers: dict[str, str], said: str) -> None:
    key = content(served, "/api/foregrounds?class=ball")[0]["key"]
    status, answer, _ = ask(served, "/api/decide", {"key": key, "verdict": "keep"}, **headers)
    assert (status, said in json.loads(answer)["error"]) == (403, True)
    assert not run.foreground_decisions.exists()
    if headers not in (ELSEWHERE, {"origin": "null"}):
        assert ask(served, "/", **headers)[0] == 403


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "the request is not valid JSON"),
        (b"\xff", 400, "the request is not valid JSON"),
        ([], 400, "the request is no JSON object"),
        ({}, 409, "this foreground is gone"),
        ({"key": "0123", "verdict": "keep"}, 409, "this foreground is gone"),
    ],
)
def test_requests_without_a_meaning(served: str, body: Any, status: int, said: str) -> None:
    answered, answer, _ = ask(served, "/api/decide", body)
    assert (answered, said in json.loads(answer)["error"]) == (status, True)


def test_a_request_that_is_too_long_is_refused_before_it_is_sent(served: str) -> None:
    head = f"POST /api/label HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Token: {TOKEN}\r\nContent-Length: {10**9}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(served.rpartition(":")[2])), timeout=10) as client:
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_verdict_that_is_none_and_a_file_that_someone_broke(served: str, run: Layout) -> None:
    key = content(served, "/api/foregrounds?class=ball")[0]["key"]
    assert content(served, "/api/decide", {"key": key, "verdict": "yes"})["error"].startswith("the verdict is 'yes'")
    run.foreground_decisions.parent.mkdir(parents=True)
    run.foreground_decisions.write_text("<<<<<<< HEAD")
    status, answer, _ = ask(served, "/api/decide", {"key": key, "verdict": "keep"})
    assert (status, "is not valid JSON" in json.loads(answer)["error"]) == (400, True)
    assert run.foreground_decisions.read_text() == "<<<<<<< HEAD"


def test_a_disk_that_does_not_take_the_decision(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    key = content(served, "/api/foregrounds?class=ball")[0]["key"]
    monkeypatch.setattr("empaste.review.deciding.write_foreground_decisions", full)
    status, answer, _ = ask(served, "/api/decide", {"key": key, "verdict": "keep"})
    assert (status, "nothing was written: the disk is full" in json.loads(answer)["error"]) == (500, True)


def test_a_second_server_names_the_first(run: Layout, tmp_path: Path) -> None:
    with alone(tmp_path) as address_file:
        with pytest.raises(InputError, match="is open already, at an address that it is about to print; go on there"):
            serve_review(0, False, run, tmp_path)
        note_address(address_file, "http://127.0.0.1:1/?token=t")
        assert address_file.stat().st_mode & 0o077 == 0
        with pytest.raises(InputError, match=r"is open already, at http://127\.0\.0\.1:1/\?token=t; go on there"):
            serve_review(0, False, run, tmp_path)
    assert not (tmp_path / ADDRESS).exists()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    (tmp_path / ADDRESS).write_text("http://127.0.0.1:1/?token=old")
    with alone(tmp_path):
        assert not (tmp_path / ADDRESS).exists()


def test_a_port_that_is_taken(run: Layout, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"--port {port} of 127.0.0.1 cannot be listened on \(.*\); give another, or"
        ):
            serve_review(port, False, run, tmp_path / "work")


def test_it_says_where_it_is_open_and_what_to_do_next(
    run: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    class Interrupted:
        def __init__(self, config: Any) -> None:
            self.app = config.app

        def run(self, sockets: list[socket.socket]) -> None:
            assert sockets[0].getsockname()[0] == "127.0.0.1"
            self.app.state.review.decide(self.app.state.review.listed("ball")[0]["key"], "keep")
            raise KeyboardInterrupt

    monkeypatch.setattr("uvicorn.Server", Interrupted)
    monkeypatch.setattr("webbrowser.open", opened.append)
    serve_review(0, True, run, tmp_path / "work")
    said = capsys.readouterr().err
    assert opened[0] in said
    assert "1 decisions on foregrounds in" in said
    assert "commit them, and run: dvc repro" in said


def test_nothing_to_judge_ends_before_anything_is_opened(run: Layout, tmp_path: Path) -> None:
    write_pool(run, [(1, 1, 0, 0.5)][:0])
    write_into(run.labels, pd.DataFrame({"image_id": [3], "class_id": [1]}), Labels)
    with pytest.raises(InputError, match="holds no foreground to judge"):
        serve_review(0, False, run, tmp_path / "work")


def test_where_no_run_is_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images.parquet does not exist; run: dvc repro"):
        serve_review(0, False, Layout().below(tmp_path), tmp_path / "work")
    assert not any(tmp_path.iterdir())
