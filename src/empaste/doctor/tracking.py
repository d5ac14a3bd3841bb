"""MLflow: where runs are recorded, whether they can be, and what to know about registered models."""

from empaste.doctor.check import Check
from empaste.errors import InputError
from empaste.tracking.addresses import TRACKING_VARIABLE
from empaste.tracking.outbox import kept_runs, outbox
from empaste.tracking.sending import count_runs
from empaste.tracking.store import SWITCH, find_store, is_enabled, loading_trouble, recording_trouble


def check_tracking() -> Check:
    """Where runs are recorded, and whether they can be; an address is printed without its password."""
    try:
        if not is_enabled():
            return Check("note", f"runs are not recorded ({SWITCH}=off)")
        store = find_store()
    except InputError as error:
        return Check("broken", str(error))
    if trouble := recording_trouble(store):
        advice = f"start the server or correct {TRACKING_VARIABLE}, or go on without a record: {SWITCH}=off"
        return Check("broken", f"runs cannot be recorded in {store.shown}: {trouble}; {advice}")
    return Check("ok", f"runs are recorded in {store.shown}")


def check_models() -> list[Check]:
    """What a person must know who loads a registered model; empty where nothing is special."""
    try:
        trouble = loading_trouble(find_store())
    except InputError:
        return []  # which check_tracking says
    return [Check("note", trouble)] if trouble else []


def check_kept_runs() -> list[Check]:
    """Which runs wait to be sent; empty where none does."""
    number = len(kept_runs())
    kept = f"{count_runs(number)} that MLflow could not record in {outbox()}; send with: empaste sync"
    return [Check("note", kept)] if number else []
