"""What the outbox keeps goes to MLflow's store; no stage fails for its sake, or waits for it without end.

A record is put into the outbox first, and sent from there. What a store does not take, or not in time, stays, and is
sent after the next record of this repository, or by ``empaste sync``.
"""

import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from filelock import Timeout

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.tracking.addresses import TRACKING_VARIABLE
from empaste.tracking.identity import close_abandoned, open_run, this_run
from empaste.tracking.outbox import Entry, keep_record, kept_runs, outbox, read_entries, remove_entry, sending_lock
from empaste.tracking.record import Record
from empaste.tracking.recording import log_points, log_record
from empaste.tracking.store import (
    PATIENCE,
    Store,
    clear_errors,
    connect,
    find_store,
    is_enabled,
    recording_trouble,
    wait_seconds,
)

Result = TypeVar("Result")


def record_pipeline(record: Record, params_file: Path = HERE.params) -> str | None:
    """The id of the finished MLflow run that holds ``record``; None where it is only kept, or recording is off.

    Continues the run that `empaste.tracking.live.live_curve` opened in this run of the pipeline. Open runs of this
    machine whose pipelines were killed are closed as KILLED. Where the store cannot be used, a warning says so, and the
    record stays in the outbox. `InputError` where the address of the store is none.
    """
    if not is_enabled():
        return None
    store = find_store()
    seconds = wait_seconds(store)
    run = this_run(params_file)
    name = keep_record(run, record)
    try:
        ids, troubles = within(seconds, partial(_send_own_and_others, store, run.key))
    except TimeoutError:
        ids, troubles = {}, [f"{too_slow(store, seconds)}; {PATIENCE} sets how long a stage waits"]
    except InputError as error:
        ids, troubles = {}, [str(error)]
    if troubles:
        warn(troubles[0])
    return ids.get(name)


def _send_own_and_others(store: Store, key: str) -> tuple[dict[str, str], list[str]]:
    """What was sent of the run ``key``, as `send_run` says, and why other runs could not be sent."""
    return send_run(store, key), send_all(store, wait=0)


def send_all(store: Store, wait: float = -1) -> list[str]:
    """Why the outbox could not be emptied into ``store``, a sentence for each run that stays there.

    What another process sends is left to it after ``wait`` seconds (-1: waits for the end). Once the store cannot be
    reached, nothing more is tried.
    """
    troubles = []
    for key in kept_runs():
        try:
            send_run(store, key, wait)
        except Timeout:
            continue
        except InputError as error:
            troubles.append(str(error))
            if recording_trouble(store):
                break
    return troubles


def sync() -> list[str]:
    """Empty the outbox, however long it takes, and print how many runs were sent; what `send_all` says is returned."""
    store = find_store()
    before = kept_runs()
    troubles = send_all(store)
    sent = set(before) - set(kept_runs())
    print(f"{count_runs(len(sent))} of {len(before)} sent to {store.shown}" if before else f"{outbox()} keeps nothing")
    return troubles


def send_run(store: Store, key: str, wait: float = -1) -> dict[str, str]:
    """The ids of MLflow's runs by the names of the entries of the run ``key``, which ``store`` holds now.

    `Timeout` where another process sends them for longer than ``wait`` seconds, `InputError` where ``store`` does not
    take them.
    """
    ids = {}
    with sending_lock(key).acquire(timeout=wait), clear_errors(store):
        client, experiment_id = connect(store)
        for entry in read_entries(key):
            ids[entry.name] = _send(client, experiment_id, entry, store)
            remove_entry(entry.name)
        close_abandoned(client, experiment_id)
    return ids


def _send(client: Any, experiment_id: str, entry: Entry, store: Store) -> str:
    """The id of MLflow's run, which holds ``entry``."""
    run = open_run(client, experiment_id, entry.run, entry.time_ms)
    run_id = str(run.info.run_id)
    log_points(client, run_id, entry.points, entry.time_ms)
    if entry.record and run.info.status != "FINISHED":
        log_record(client, run_id, entry.record, entry.time_ms, store)
        client.set_terminated(run_id, "FINISHED", entry.time_ms)
    return run_id


def within(seconds: float | None, work: Callable[[], Result]) -> Result:
    """``work()``; `TimeoutError` after ``seconds``, when it goes on until it is done or the process ends."""
    if seconds is None:
        return work()
    future: Future[Result] = Future()
    Thread(target=_fulfil, args=(future, work), daemon=True).start()
    return future.result(seconds)


def _fulfil(future: "Future[Result]", work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 – raised again where the result is taken
        future.set_exception(error)


def too_slow(store: Store, seconds: float | None) -> str:
    """The sentence on a store that was not done in time."""
    return f"MLflow's store {store.shown} was not done after {seconds:g} s"


def warn(trouble: str) -> None:
    """Print ``trouble`` as a warning, and what is kept because of it, where, and what to do."""
    number = len(kept_runs())
    kept = (
        f"\nKept in {outbox()}: {count_runs(number)}, to be sent when MLflow records the next one. To send now, start "
        f"the server or correct {TRACKING_VARIABLE}, and run: empaste sync"
    )
    print(f"WARNING: {trouble}{kept if number else ''}", file=sys.stderr)


def count_runs(number: int) -> str:
    """``number`` with its noun."""
    return "1 run" if number == 1 else f"{number} runs"
