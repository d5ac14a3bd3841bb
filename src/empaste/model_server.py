"""A registered model behind MLflow's own HTTP server, within the bounds of `serving` and `http_server`."""

import os
import sys
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from empaste.http_server import Bounded, Limits, listen, server_config
from empaste.serving import MAX_MB, MILLION, read_bounds
from empaste.tracking.recording import MODEL_NAME
from empaste.tracking.store import clear_errors, find_store

NEWEST = f"models:/{MODEL_NAME}/latest"


def serve_model(model: str, host: str, port: int) -> None:
    """Serve ``model``, a URI of the MLflow store in use, as ``mlflow models serve`` does, until Ctrl-C.

    `InputError` where the port cannot be had, the store or the model cannot be read, or a variable of the bounds is no
    number.
    """
    limits = limits_of(os.environ)
    with listen(host, port, "give another --port, or another --host") as listening:
        app = load_app(model)
        print(f"{model} answers at http://{host}:{port}/invocations\nPress Ctrl-C here to end it.", file=sys.stderr)
        uvicorn.Server(server_config(Bounded(app, limits), limits)).run(sockets=[listening])


def load_app(model: str) -> ASGIApp:
    """MLflow's application that answers with ``model``."""
    import mlflow
    from mlflow.pyfunc import scoring_server

    store = find_store()
    with clear_errors(store):
        mlflow.set_tracking_uri(store.uri)
        app: ASGIApp = scoring_server.init(mlflow.pyfunc.load_model(model))
    return app


def limits_of(environment: Mapping[str, str]) -> Limits:
    """The limits that leave room for `serving.MAX_MB` of files, in base64 within JSON."""
    return Limits(max_bytes=(read_bounds(environment)[MAX_MB] * 4 // 3 + 1) * MILLION)
