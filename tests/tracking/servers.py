"""A real tracking server, on PostgreSQL where the machine has it, and a gateway before it that can fail."""

import base64
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

from tests.tracking.runs import free_port

FORWARDED = ("Content-Type", "Content-Length")


def postgresql_trouble() -> str | None:
    """Why no server of PostgreSQL can be started here; None where one can."""
    if find_spec("psycopg") is None:
        return "psycopg is missing; install it with: uv pip install -e '.[postgresql]'"
    return None if _programs() else "PostgreSQL's server is missing; on Debian install postgresql"


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian has a folder for each version."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database, whose user may do anything; another user, ``reader``, may only read."""
    programs = _programs()
    assert programs
    # The server refuses to run as root, and another user does not come into pytest's folders.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="empaste-postgresql-") as folder:
        if user:
            shutil.chown(folder, user)
        data, port = f"{folder}/data", free_port()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run = partial(subprocess.run, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        control = [programs / "pg_ctl", "--pgdata", data, "--wait", "--log", f"{folder}/log"]
        run([programs / "initdb", "--pgdata", data, "--username", "mlflow", "--auth", "trust", "--no-sync"])
        run([*control, "--options", options, "start"])
        try:
            yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
        finally:
            run([*control, "--mode", "immediate", "stop"])


def query(database: str, statement: str) -> str:
    """What ``psql`` prints."""
    return _printed("psql", database, "-qAtc", statement)


def dump(database: str) -> str:
    """All that a database holds, as text."""
    return _printed("pg_dump", database)


def _printed(program: str, *arguments: str) -> str:
    programs = _programs()
    assert programs
    return subprocess.run([programs / program, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def tracking_server(database: str, folder: Path) -> Iterator[str]:
    """The address of ``mlflow server`` on ``database``, which takes artifacts, and puts them below ``folder``."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    lean = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *places], stdout=log, stderr=log, cwd=folder, env=lean, start_new_session=True
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.5)
    raise AssertionError(f"the server did not come up:\n{log.read_text()[-2000:]}")


class Gateway:
    """An address that passes requests on to a server, or does what is wrong with it.

    ``delay`` are seconds before every answer, ``lost`` the number of the first request that the server carries out
    and nobody hears of, ``refused`` answers 403, and ``caller`` is the one ``user:password`` that is let in.
    """

    def __init__(self, server: str) -> None:
        self.port = free_port()
        self.server = server.removeprefix("http://")
        self.delay = 0.0
        self.lost: int | None = None
        self.refused = False
        self.caller = ""
        self.num_requests = 0
        self.goes_on = threading.Event()
        self._listener: ThreadingHTTPServer | None = None

    @property
    def uri(self) -> str:
        return f"http://{self.caller}{'@' if self.caller else ''}127.0.0.1:{self.port}"

    def start(self) -> None:
        """It answers."""
        gateway = self

        class Handler(_Handler):
            pass

        Handler.gateway = gateway
        self._listener = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._listener.daemon_threads = True
        threading.Thread(target=self._listener.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    def stop(self) -> None:
        """Nothing answers."""
        if self._listener:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None


class _Handler(BaseHTTPRequestHandler):
    gateway: Gateway

    def _pass_on(self) -> None:
        gateway = self.gateway
        gateway.num_requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if gateway.refused or not self._is_let_in():
            self._answer(403 if gateway.refused else 401, b"no", "text/plain")
            return
        if gateway.delay:
            gateway.goes_on.wait(gateway.delay)
        upstream = http.client.HTTPConnection(gateway.server, timeout=120)
        upstream.request(self.command, self.path, body, {n: self.headers[n] for n in FORWARDED if n in self.headers})
        answer = upstream.getresponse()
        content = answer.read()
        if gateway.lost is not None and gateway.num_requests >= gateway.lost:
            self.close_connection = True
            return
        self._answer(answer.status, content, answer.headers.get("Content-Type", "application/octet-stream"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 – as the library calls them

    def _is_let_in(self) -> bool:
        known = base64.b64encode(self.gateway.caller.encode()).decode()
        return not self.gateway.caller or self.headers.get("Authorization") == f"Basic {known}"

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        with suppress(OSError):  # the caller may have given up
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
