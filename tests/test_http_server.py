"""The bounds of a server, against real clients that send too much, too slowly, or in too great a number."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from empaste.errors import InputError
from empaste.http_server import MAX_HEAD, Bounded, Limits, listen, server_config

LIMITS = Limits(max_bytes=1000, head_seconds=1, body_seconds=1, max_connections=4)


async def echo_length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Bounded(Starlette(routes=[Route("/", echo_length, methods=["GET", "POST"])]), LIMITS)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(server_config(app, LIMITS))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def everything(client: socket.socket) -> bytes:
    """What the server says until it closes the connection."""
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def post(length: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode()


def answered(port: int) -> bytes:
    with connect(port) as client:
        client.sendall(post(0))
        return everything(client)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_free_port_is_taken_and_a_taken_one_refused(host: str) -> None:
    with listen(host, 0, "give another") as listening:
        port = listening.getsockname()[1]
        socket.create_connection((host, port), timeout=10).close()
        with pytest.raises(InputError, match=rf"^--port {port} of {host} cannot be listened on \(.*\); give another$"):
            listen(host, port, "give another")


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0), ("no host", 0)])
def test_what_is_no_place_to_listen_is_refused(host: str, port: int) -> None:
    with pytest.raises(InputError, match=f"^--port {port} of {host} cannot be listened on"):
        listen(host, port, "give another")


def test_a_body_within_the_bounds_arrives_whole(port: int) -> None:
    with connect(port) as client:
        client.sendall(post(1000) + b"a" * 400)
        time.sleep(0.05)
        client.sendall(b"b" * 600)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"1000")
    assert b"server:" not in answer.lower()


def test_a_body_that_states_to_be_longer_is_refused_unsent(port: int) -> None:
    with connect(port) as client:
        client.sendall(post(1001))
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"the request is longer than 1,000 bytes; send less at once" in answer


def test_a_body_of_parts_is_counted(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"1F4\r\n" + b"a" * 500 + b"\r\n1F5\r\n" + b"a" * 501 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_comes_too_slowly_is_refused(port: int) -> None:
    with connect(port) as client:
        client.sendall(post(1000) + b"a")
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"the request took longer than 1 s to arrive; send less at once" in answer


def test_a_head_that_comes_too_slowly_closes_the_connection(port: int) -> None:
    with connect(port) as idle, connect(port) as slow, connect(port) as second:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: h")
        second.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        said = b""
        while not said.endswith(b"\r\n\r\n0"):  # the head and the body may come apart
            said += second.recv(1 << 16)
        second.sendall(b"GET / HTTP/1.1\r\nHo")  # a further request on a connection that had one
        assert (everything(idle), everything(slow), everything(second)) == (b"", b"", b"")


def test_a_head_that_is_too_long_is_refused(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"a" * (2 * MAX_HEAD))
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_connections_beyond_the_bound_are_told_to_come_back(port: int) -> None:
    held = [connect(port) for _ in range(LIMITS.max_connections)]
    time.sleep(0.1)
    assert answered(port).startswith(b"HTTP/1.1 503")
    for one in held:
        one.close()
    end = time.monotonic() + 10
    while not answered(port).startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < end


def test_a_client_that_goes_away_leaves_the_server_as_it_was(port: int) -> None:
    with connect(port) as client:
        client.sendall(post(1000) + b"a")
    with connect(port) as client:
        client.sendall(post(3) + b"abc")
        assert everything(client).endswith(b"3")


def test_all_bodies_together_are_bounded(port: int) -> None:
    held = [connect(port) for _ in range(2)]
    for one in held:
        one.sendall(post(1000) + b"a" * 999)
    time.sleep(0.1)
    with connect(port) as client:
        client.sendall(post(1000) + b"a" * 100)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"the server holds as much of other requests as it may" in answer
    for one in held:
        one.sendall(b"a")
        assert everything(one).endswith(b"1000")
        one.close()
