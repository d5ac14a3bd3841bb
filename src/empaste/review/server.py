"""The review's page and its answers, for this machine alone.

The server listens on the loopback address. A request must name that as its host, or a page elsewhere could reach the
server by a name that leads here (DNS rebinding); and it must hold the token of the address that was printed, so that
neither another page nor another user of the machine can decide anything. Only the page's own script and style, which
hold nothing of the project, are given without it.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from empaste.errors import InputError, explain
from empaste.http_server import Bounded, Limits
from empaste.review.deciding import GoneError, Review

HOSTS = ("127.0.0.1", "localhost")
PUBLIC = {"/review.js": "text/javascript", "/review.css": "text/css"}
"""Files beside this module that are given without a token, and their types."""
LIMITS = Limits(max_bytes=64 * 2**20)
"""The longest request is a mask of run lengths."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
Next = Callable[[Request], Awaitable[Response]]


def make_app(review: Review, token: str) -> Starlette:
    """The application that serves ``review`` to whoever holds ``token``."""

    async def guard(request: Request, answer: Next) -> Response:
        response = _refusal(request, token) or await answer(request)
        response.headers.update(HEADERS)
        return response

    routes = [
        Route("/", _page),
        *(Route(path, _public) for path in PUBLIC),
        Route("/image", _image),
        Route("/api/classes", _classes),
        Route("/api/foregrounds", _foregrounds),
        Route("/api/foreground", _foreground),
        Route("/api/decide", _decide, methods=["POST"]),
        Route("/api/another", _another, methods=["POST"]),
        Route("/api/label", _label, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard), Middleware(Bounded, limits=LIMITS)],
        exception_handlers={GoneError: _gone, InputError: _bad_request, OSError: _machine_trouble},
    )
    app.state.review = review
    return app


def _refusal(request: Request, token: str) -> Response | None:
    """Why a request is not answered; None where it is."""
    host = request.headers.get("host", "")
    if host.partition(":")[0].lower() not in HOSTS:
        return _error(403, "this server is for its own machine; open the address that empaste review printed")
    if request.url.path in PUBLIC:
        return None
    given = request.headers.get("x-token") or request.query_params.get("token") or ""
    if not secrets.compare_digest(given.encode(), token.encode()):
        return _error(403, "the token is missing or wrong; open the address that empaste review printed")
    origin = request.headers.get("origin")
    if request.method == "POST" and origin not in (None, f"http://{host}"):
        return _error(403, f"a page of {origin} may not decide anything here")
    return None


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _gone(_request: Request, error: Exception) -> Response:
    return _error(409, str(error))


def _bad_request(_request: Request, error: Exception) -> Response:
    return _error(400, str(error))


def _machine_trouble(_request: Request, error: Exception) -> Response:
    return _error(500, f"nothing was written: {explain(error)}")


def _review(request: Request) -> Review:
    return cast(Review, request.app.state.review)


def _page(_request: Request) -> Response:
    return FileResponse(Path(__file__).with_name("page.html"), media_type="text/html")


def _public(request: Request) -> Response:
    return FileResponse(Path(__file__).with_name(request.url.path[1:]), media_type=PUBLIC[request.url.path])


def _image(request: Request) -> Response:
    return FileResponse(_review(request).image_path(request.query_params.get("key", "")))


def _classes(request: Request) -> Response:
    return JSONResponse(_review(request).classes())


def _foregrounds(request: Request) -> Response:
    return JSONResponse(_review(request).listed(request.query_params.get("class", "")))


def _foreground(request: Request) -> Response:
    return JSONResponse(_review(request).shown(request.query_params.get("key", "")))


async def _decide(request: Request) -> Response:
    body = await _body(request)
    review, key = _review(request), str(body.get("key"))
    return JSONResponse(await run_in_threadpool(review.decide, key, body.get("verdict"), body.get("mended")))


async def _another(request: Request) -> Response:
    body = await _body(request)
    return JSONResponse(await run_in_threadpool(_review(request).another, str(body.get("key"))))


async def _label(request: Request) -> Response:
    body = await _body(request)
    review, key = _review(request), str(body.get("key"))
    return JSONResponse(await run_in_threadpool(review.label, key, body.get("class"), body.get("present")))


async def _body(request: Request) -> dict[str, Any]:
    """The object in JSON that a request holds; `InputError` where it is none."""
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InputError(f"the request is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError("the request is no JSON object")
    return content
