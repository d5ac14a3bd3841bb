"""A review opened for one project: one server at a time, on an address that nobody can guess, until Ctrl-C."""

import secrets
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from
from empaste.errors import InputError
from empaste.http_server import listen, server_config
from empaste.layout import HERE, Layout
from empaste.review.deciding import Review
from empaste.review.server import LIMITS, make_app

LOCK, ADDRESS = "review.lock", "review.address"
"""In the folder for unfinished work: the lock that a server holds while it lives, and where it listens."""


def serve_review(port: int, open_browser: bool, places: Layout = HERE, work: Path = Path(".work")) -> None:
    """Serve the review of the run in ``places`` until Ctrl-C; says on standard error where, and what to do next.

    ``port`` 0 takes a free one. `InputError` where a server runs for this project, the port is taken, or there is
    nothing to judge.
    """
    read_from(places.images, Images)  # where no run is, nothing is written either
    with alone(work) as address_file:
        review, token = Review(places), secrets.token_urlsafe(16)
        with listen("127.0.0.1", port, "give another, or none to take a free one") as listening:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}/?token={token}"
            note_address(address_file, address)
            print(f"The review is open at {address}\nPress Ctrl-C here when you are done.", file=sys.stderr)
            if open_browser:
                webbrowser.open(address)
            config = server_config(make_app(review, token), LIMITS)
            with suppress(KeyboardInterrupt):  # which the server passes on once it has ended
                uvicorn.Server(config).run(sockets=[listening])
    num_foregrounds, num_labels = review.num_decisions()
    print(
        f"\n{num_foregrounds:,} decisions on foregrounds in {places.foreground_decisions}, {num_labels:,} corrections "
        f"of labels in {places.label_decisions}; commit them, and run: dvc repro",
        file=sys.stderr,
    )


@contextmanager
def alone(work: Path) -> Iterator[Path]:
    """No other server of the project whose unfinished work is in ``work`` runs while the block does.

    Yields the file for the address, which a second server names. The system frees the lock of a dead process.
    `InputError` where a server runs.
    """
    work.mkdir(parents=True, exist_ok=True)
    address_file = work / ADDRESS
    try:
        with FileLock(work / LOCK, blocking=False):
            address_file.unlink(missing_ok=True)
            yield address_file
            address_file.unlink(missing_ok=True)
    except Timeout as error:
        where = address_file.read_text() if address_file.exists() else "an address that it is about to print"
        raise InputError(
            f"a review of this project is open already, at {where}; go on there, or end it with Ctrl-C where it was "
            "started"
        ) from error


def note_address(address_file: Path, address: str) -> None:
    """The file holds the address, for its owner alone, since the token is in it."""
    address_file.touch(mode=0o600)
    address_file.write_text(address)
