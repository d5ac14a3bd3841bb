"""A proxy between a machine and a server that drops connections in the middle."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Proxy:
    """Where it listens, and how many bytes may still pass before it drops every connection."""

    port: int
    left: int

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.passed = 0

    def take(self, amount: int) -> bool:
        """Whether ``amount`` bytes more may pass."""
        with self.lock:
            self.left -= amount
            self.passed += amount
            return self.left >= 0


@contextlib.contextmanager
def dropping(port: int, after: int, to_server: bool) -> Iterator[Proxy]:
    """A way to ``port`` that is cut for good after ``after`` bytes to the server, or from it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if proxy.left < 0:
                return
            with socket.create_connection(("127.0.0.1", port)) as server:
                answers = threading.Thread(target=_pass_on, args=(server, self.request, proxy, not to_server))
                answers.start()
                _pass_on(self.request, server, proxy, to_server)
                answers.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as listening:
        proxy = Proxy(listening.server_address[1], after)
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield proxy
        finally:
            listening.shutdown()


def _pass_on(source: socket.socket, target: socket.socket, proxy: Proxy, counted: bool) -> None:
    """Bytes go from ``source`` to ``target`` until either side ends, or none may pass; both are closed then."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(16384):
            if counted and not proxy.take(len(chunk)):
                break
            target.sendall(chunk)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
