"""What this project's servers take of their clients: few connections, short heads, bodies of bounded length and time.

uvicorn bounds the number of connections and the length of a request's head. It waits for ever for a head that comes
byte by byte, and hands on a body of any length; both are bounded here.
"""

import asyncio
from typing import Any, NamedTuple

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD = 16 * 1024
"""Bytes of a request's head."""


class Limits(NamedTuple):
    """What a server takes: bytes of a body, seconds for a head and for a body, and connections at once."""

    max_bytes: int
    head_seconds: float = 10
    body_seconds: float = 120
    max_connections: int = 32


class Bounded:
    """The application ``app``, which is asked once a body is there, whole and within ``limits``.

    A longer body is answered by status 413, one that takes longer by 408, each with one sentence.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            said = f"the request took longer than {self.limits.body_seconds:g} s to arrive; send less at once"
            await _refuse(408, said)(scope, receive, send)
        except _TooLongError:
            said = f"the request is longer than {self.limits.max_bytes:,} bytes; send less at once"
            await _refuse(413, said)(scope, receive, send)
        else:
            if body is not None:
                await self.app(scope, _given(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """All of the body; None where the client went away."""
        if int(dict(scope["headers"]).get(b"content-length", b"0")) > self.limits.max_bytes:
            raise _TooLongError
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self.limits.max_bytes:
                raise _TooLongError
            if not message.get("more_body", False):
                return bytes(body)


class _TooLongError(Exception):
    """A body is longer than allowed."""


def _refuse(status: int, said: str) -> JSONResponse:
    return JSONResponse({"error": said, "message": said}, status, {"Connection": "close"})


def _given(body: bytes, receive: Receive) -> Receive:
    """What an application receives: the whole body once, then what comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return first.pop() if first else await receive()

    return give


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
