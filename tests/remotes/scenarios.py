"""What happens to people who share a DVC remote. Each returns what the one concerned was told, and fails otherwise.

After everything that goes wrong, the machine's next command, or `empaste remote --repair` where DVC has no way, must
bring the right bytes.
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from tests.remotes.dropping import dropping
from tests.remotes.machines import Ended, Machine
from tests.remotes.places import VERIFIED, Place
from tests.remotes.small_project import LAST, contents
from tests.remotes.stores import FolderStore

HALF = 400_000
"""About half of what a push or a pull of all outputs moves, in bytes."""
UP_TO_DATE = "Data and pipelines are up to date."
NO_ROOM = "mounting a small disk takes root"


class NotHereError(Exception):
    """The scenario cannot be had with this store, or on this machine."""


def another_machine_pulls(place: Place) -> str:
    """A clone takes everything, and has nothing to compute."""
    place.fill()
    other = place.newcomer()
    said = other.dvc("pull")
    _has_nothing_to_do(place, other)
    return said


def an_experiment_travels(place: Place) -> str:
    """An experiment made on another machine is applied here, with its data, and nothing is computed."""
    place.fill()
    origin = str(place.folder / f"origin-{next(place.numbers)}")
    place.maker.git("clone", "-q", "--bare", place.maker.folder, origin)
    there = place.newcomer()
    there.dvc("exp", "run", "-n", "fewer", "-S", f"last={LAST - 1}")
    there.dvc("exp", "push", origin, "fewer")
    here = place.newcomer()
    here.dvc("exp", "pull", origin, "fewer")
    said = here.dvc("exp", "apply", "fewer")
    assert contents(here.folder) == contents(there.folder) != contents(place.maker.folder)
    assert UP_TO_DATE in here.dvc("status")
    return said


def a_file_is_deleted(place: Place) -> str:
    """A file of a folder is gone from the store. DVC's push does not see it."""
    return _lose(place, "file")


def a_list_is_deleted(place: Place) -> str:
    """The list of a folder's files is gone from the store."""
    return _lose(place, "list")


def an_output_is_deleted(place: Place) -> str:
    """An output of one file is gone from the store."""
    return _lose(place, "model")


def _lose(place: Place, what: Literal["file", "list", "model"]) -> str:
    place.fill()
    place.store.remove(place.object_of(what))
    return _fails_until_repaired(place, "missing")


def a_file_is_corrupted(place: Place) -> str:
    """A bit of a file of a folder has changed in the store."""
    return _corrupt(place, "file")


def a_list_is_corrupted(place: Place) -> str:
    """A bit of the list of a folder's files has changed in the store."""
    return _corrupt(place, "list")


def an_output_is_corrupted(place: Place) -> str:
    """A bit of an output of one file has changed in the store."""
    return _corrupt(place, "model")


def _corrupt(place: Place, what: Literal["file", "list", "model"]) -> str:
    place.fill()
    _flip_bit(place, place.object_of(what))
    return _fails_until_repaired(place, "damaged")


def _flip_bit(place: Place, name: str) -> None:
    content = place.store.read(name)
    place.store.write(name, bytes([content[0] ^ 1]) + content[1:])


def _fails_until_repaired(place: Place, state: str) -> str:
    """The pull fails; `empaste remote` finds it, and what the maker has puts it right."""
    other = place.newcomer()
    failed = other.try_dvc("pull")
    assert failed.code, failed.said
    assert not place.is_pulled(other)
    _is_found_and_repaired(place, other, state)
    return failed.said


def _is_found_and_repaired(place: Place, other: Machine, state: str) -> None:
    """``other`` finds one object in ``state``; what the maker has puts it right, and ``other`` pulls it."""
    found = other.try_empaste("remote", "--contents")
    assert found.code == 1, found.said
    assert f": 1 {state}" in found.said, found.said
    assert "--repair" in found.said
    repaired = place.maker.try_empaste("remote", "--contents", "--repair")
    assert repaired == Ended(0, repaired.said), repaired.said
    assert "1 put back" in repaired.said
    assert place.is_whole()
    other.dvc("pull")
    _has_nothing_to_do(place, other)


def a_list_names_other_files(place: Place) -> str:
    """The list of a folder's files has changed in the store, and is still a list. DVC does not verify it."""
    place.fill()
    name = place.object_of("list")
    place.store.write(name, place.store.read(name).replace(b'"relpath": "1"', b'"relpath": "9"'))
    other = place.newcomer()
    other.dvc("pull")
    assert not place.is_pulled(other)
    said = other.dvc("status")
    assert UP_TO_DATE not in said
    _is_found_and_repaired(place, other, "damaged")
    return said


def corruption_goes_unnoticed_without_verify(place: Place) -> str:
    """Why docs/sharing.md sets ``verify``: DVC takes a corrupted object, and calls everything up to date."""
    place.fill()
    _flip_bit(place, place.object_of("file"))
    other = place.newcomer(place.store.settings())
    other.dvc("pull")
    said = other.dvc("status")
    assert UP_TO_DATE in said
    assert not place.is_pulled(other)
    assert "to have it checked" in other.try_empaste("remote").said
    return said


def the_disk_here_is_full(place: Place) -> str:
    """The cache's disk takes half of the outputs."""
    place.fill()
    other = place.newcomer()
    cache = other.folder / ".dvc" / "cache"
    with small_disk(cache) as grow:
        failed = other.try_dvc("pull")
        assert failed.code == 1, failed.said
        assert "No space left on device" in failed.said
        grow()
        other.dvc("pull")
        _has_nothing_to_do(place, other)
    return failed.said


def the_disk_there_is_full(place: Place) -> str:
    """The store's disk takes half of the outputs."""
    if not isinstance(place.store, FolderStore):
        raise NotHereError("the server keeps everything in memory")
    place.store.clear()
    place.maker.forget()
    place.maker.set_remote(place.store.settings() | VERIFIED)
    with small_disk(place.store.folder) as grow:
        failed = place.maker.try_dvc("push")
        assert failed.code == 1, failed.said
        assert "files failed to upload" in failed.said
        grow()
        place.maker.dvc("push")
        assert place.is_whole()
        other = place.newcomer()
        other.dvc("pull")
        _has_nothing_to_do(place, other)
    return failed.said


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """``folder`` is a disk that takes half of the outputs, until the function that it gives is called."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={HALF}", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        raise NotHereError(NO_ROOM)
    try:
        yield lambda: _resize(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _resize(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)


def the_connection_drops_in_a_pull(place: Place) -> str:
    """No byte comes any more when half of the outputs have come."""
    place.fill()
    with dropping(place.store.port, HALF, to_server=False) as proxy:
        other = place.newcomer(place.store.settings(port=proxy.port) | VERIFIED)
        failed = other.try_dvc("pull")
    assert failed.code, failed.said
    assert not place.is_pulled(other)
    other.set_remote(place.store.settings() | VERIFIED)
    other.dvc("pull")
    _has_nothing_to_do(place, other)
    return failed.said


def the_connection_drops_in_a_push(place: Place) -> str:
    """No byte goes any more when half of the outputs have gone."""
    place.store.clear()
    place.maker.forget()
    with dropping(place.store.port, HALF, to_server=True) as proxy:
        place.maker.set_remote(place.store.settings(port=proxy.port) | VERIFIED)
        failed = place.maker.try_dvc("push")
    assert failed.code, failed.said
    assert not place.is_whole()
    place.maker.set_remote(place.store.settings() | VERIFIED)
    place.maker.dvc("push")
    assert place.is_whole()
    other = place.newcomer()
    other.dvc("pull")
    _has_nothing_to_do(place, other)
    return failed.said


def credentials_are_wrong(place: Place) -> str:
    """DVC fails, over HTTP without a word of why; `empaste remote` says why. Nothing has changed."""
    place.fill()
    other = place.newcomer(place.store.settings("stranger") | VERIFIED)
    failed = other.try_dvc("pull")
    assert failed.code == 1, failed.said
    _is_refused(other)
    other.set_remote(place.store.settings() | VERIFIED)
    other.dvc("pull")
    _has_nothing_to_do(place, other)
    return failed.said


def _is_refused(machine: Machine) -> None:
    """`empaste remote` names the remote, says why it does not get in, and what to check."""
    refused = machine.try_empaste("remote")
    assert refused.code == 1, refused.said
    assert "refuses or does not answer" in refused.said
    reasons = ("Permission denied", "Unauthorized", "signature", "Forbidden")
    assert any(reason in refused.said for reason in reasons), refused.said
    assert "docs/sharing.md" in refused.said


def _push_something_new(machine: Machine) -> Ended:
    """How a push of outputs ends that the store does not have; it must fail."""
    (machine.folder / "params.yaml").write_text("last: 7\n")
    machine.dvc("repro", "-q")
    failed = machine.try_dvc("push")
    assert failed.code, failed.said
    return failed


def one_may_only_read(place: Place) -> str:
    """Who may only read pulls; a push fails, nothing has changed."""
    place.fill()
    reader = place.newcomer(place.store.settings("reader") | VERIFIED)
    reader.dvc("pull")
    assert place.is_pulled(reader)
    before = place.store.names()
    failed = _push_something_new(reader)
    assert any(reason in failed.said for reason in ("Permission denied", "Access Denied", "Not Allowed")), failed.said
    assert place.store.names() == before
    return failed.said


def two_push_at_once(place: Place) -> str:
    """Two machines with the same outputs push at the same moment."""
    place.store.clear()
    place.maker.forget()
    place.maker.set_remote(place.store.settings() | VERIFIED)
    other = place.newcomer()
    other.dvc("repro")
    pushes = [machine.start("dvc", "push") for machine in (place.maker, other)]
    ended = [push.wait() for push in pushes]
    assert [one.code for one in ended] == [0, 0], ended
    assert place.is_whole()
    third = place.newcomer()
    third.dvc("pull")
    _has_nothing_to_do(place, third)
    return "\n".join(one.said for one in ended)


def _has_nothing_to_do(place: Place, machine: Machine) -> None:
    """``machine`` has the outputs, byte for byte, and DVC would run nothing."""
    assert place.is_pulled(machine)
    assert UP_TO_DATE in machine.dvc("status")


SCENARIOS: dict[str, Callable[[Place], str]] = {
    scenario.__name__: scenario
    for scenario in (
        another_machine_pulls,
        an_experiment_travels,
        a_file_is_deleted,
        a_list_is_deleted,
        an_output_is_deleted,
        a_file_is_corrupted,
        a_list_is_corrupted,
        an_output_is_corrupted,
        a_list_names_other_files,
        corruption_goes_unnoticed_without_verify,
        the_disk_here_is_full,
        the_disk_there_is_full,
        the_connection_drops_in_a_pull,
        the_connection_drops_in_a_push,
        credentials_are_wrong,
        one_may_only_read,
        two_push_at_once,
    )
}
