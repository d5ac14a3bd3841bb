"""What this project's servers take of their clients: few connections, short heads, bodies of bounded length and time.

uvicorn bounds the number of connections and the length of a request's head. It waits for ever for a head that comes
byte by byte, and hands on a body of any length; both are bounded here.
"""

import asyncio
import socket
from typing import Any, NamedTuple

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from empaste.errors import InputError

MAX_HEAD = 16 * 1024
"""Bytes of a request's head."""
HELD_BODIES = 2
"""So many of the longest bodies are in memory at once, however many connections bring them."""


class Limits(NamedTuple):
    """What a server takes: bytes of a body, seconds for a head and for a body, and connections at once."""

    max_bytes: int
    head_seconds: float = 10
    body_seconds: float = 120
    max_connections: int = 32


class Bounded:
    """The application ``app``, which is asked once a body is there, whole and within ``limits``.

    A longer body is answered by status 413, one that takes longer by 408, and one for which the others, that are not
    answered yet, leave no room by 503, each with one sentence.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits
        self.held = 0
        """Bytes of all bodies that are not answered yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            refusal = await self._receive(body, scope, receive)
            if refusal is None:
                await self.app(scope, _given(bytes(body), receive), send)
            elif refusal.status:
                await JSONResponse({"error": refusal.said, "message": refusal.said}, refusal.status, CLOSE)(
                    scope, receive, send
                )
        finally:
            self.held -= len(body)

    async def _receive(self, body: bytearray, scope: Scope, receive: Receive) -> "_Refusal | None":
        """Put all of the request's body into ``body``; why it is not taken, None where it is."""
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                return await self._fill(body, scope, receive)
        except TimeoutError:
            return _Refusal(408, f"the request took longer than {self.limits.body_seconds:g} s to arrive; {LESS}")

    async def _fill(self, body: bytearray, scope: Scope, receive: Receive) -> "_Refusal | None":
        limit = self.limits.max_bytes
        too_long = _Refusal(413, f"the request is longer than {limit:,} bytes; {LESS}")
        if int(dict(scope["headers"]).get(b"content-length", b"0")) > limit:
            return too_long
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return GONE
            part = message.get("body", b"")
            body += part
            self.held += len(part)
            if len(body) > limit:
                return too_long
            if self.held > HELD_BODIES * limit:
                return _Refusal(503, "the server holds as much of other requests as it may; send this one again later")
            more = message.get("more_body", False)
        return None


class _Refusal(NamedTuple):
    """The status and the sentence by which a request is refused; status 0 where nobody is there to hear it."""

    status: int
    said: str


GONE = _Refusal(0, "")
LESS = "send less at once"
CLOSE = {"Connection": "close"}


def _given(body: bytes, receive: Receive) -> Receive:
    """What an application receives: the whole body once, then what comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return first.pop() if first else await receive()

    return give


def listen(host: str, port: int, remedy: str) -> socket.socket:
    """A socket on which a server can listen; port 0 takes a free one.

    `InputError`, which ends with ``remedy``, where the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--port {port} of {host} cannot be listened on ({reason}); {remedy}") from error


def server_config(app: ASGIApp, limits: Limits, **options: Any) -> uvicorn.Config:
    """How uvicorn serves ``app``: within ``limits``, without web sockets, and trusting no header of a proxy."""
    return uvicorn.Config(
        app,
        http=_impatient(limits.head_seconds),
        ws="none",
        proxy_headers=False,
        server_header=False,
        log_level="warning",
        limit_concurrency=limits.max_connections,
        h11_max_incomplete_event_size=MAX_HEAD,
        **options,
    )


def _impatient(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, which closes a connection whose client takes longer for the head of a request."""

    class Impatient(H11Protocol):
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            elif self.timer is None:
                self.timer = self.loop.call_later(seconds, self.transport.close)

        def _unwatch(self) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

    return Impatient
