"""``empaste remote``: whether a DVC remote holds all of this run, unharmed; what it lacks is put back from the cache.

DVC does not see this. ``dvc push`` takes a folder for complete where the remote has its list of files, and ``dvc pull``
takes an object for right where the remote has one of its name, unless the remote's option ``verify`` is set. So what
was lost or damaged in a remote stays so.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from empaste.errors import InputError
from empaste.tracking.addresses import without_password

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc_data.hashfile.db import HashFileDB
    from dvc_data.hashfile.tree import Tree

LIST = ".dir"
"""How the name of an object ends that lists the files of a folder."""
HELP = "docs/sharing.md"


class Finding(NamedTuple):
    """An object in a remote that is not as it must be."""

    outputs: tuple[str, ...]
    """All that it is of; two have one object where they hold the same file."""
    oid: str
    """The MD5 of the content, which is the object's name; followed by `LIST` where it lists a folder's files."""
    state: str
    """``missing`` or ``damaged``."""


class Holdings(NamedTuple):
    """What a remote holds of a run."""

    address: str
    verified: bool
    """Whether DVC checks what it takes from there."""
    checked: int
    wrong: tuple[Finding, ...]
    """What is missing or damaged; after a repair, what still is."""
    repaired: int | None
    """How many were put back; None where nobody asked for it."""


def examine_remote(folder: Path, name: str | None = None, *, contents: bool = False, repair: bool = False) -> Holdings:
    """What the remote ``name``, or the default one, holds of the outputs that ``dvc.lock`` in ``folder`` names.

    With ``contents`` every object is read, and its hash compared. With ``repair``, what is missing or damaged is
    uploaded from DVC's cache, as far as that holds it unharmed.

    Raises:
        InputError: there is no such remote, it cannot be reached, read or written, or nothing was run yet.
    """
    repo, store = _open(folder, name)
    address = without_password(store.fs.unstrip_protocol(store.path).removesuffix("/files/md5"))
    with _reaching(address):
        objects, damaged_lists = _list_objects(repo, store)
        wrong = _findings(objects, damaged_lists, "damaged") | _find_missing(store, objects)
        if contents:
            wrong |= _find_damaged(store, objects, objects.keys() - {one.oid for one in wrong})
        repaired = _repair(repo.cache.local, store, wrong) if repair else set()
    left, number = tuple(sorted(wrong - repaired)), len(repaired) if repair else None
    return Holdings(address, bool(store.verify), len(objects), left, number)


def describe(holdings: Holdings) -> Iterator[str]:
    """The lines that tell a person of ``holdings``, with what to do next."""
    yield f"{holdings.address}: {holdings.checked} objects of this run"
    per_output = Counter((output, one.state) for one in holdings.wrong for output in one.outputs)
    for (output, state), number in sorted(per_output.items()):
        yield f"{output}: {number} {state}"
    if holdings.repaired:
        yield f"{holdings.repaired} put back from DVC's cache"
    if holdings.wrong and holdings.repaired is None:
        option = "--contents --repair" if any(one.state == "damaged" for one in holdings.wrong) else "--repair"
        yield f"to put it back from DVC's cache, here or where it was made or pulled: empaste remote {option}"
    elif holdings.wrong:
        yield "the cache here does not hold that unharmed; run the same on a machine that made or pulled it"
    if not holdings.verified:
        yield "DVC takes what comes from there without a check; to have it checked: dvc remote modify NAME verify true"


def _open(folder: Path, name: str | None) -> "tuple[Repo, HashFileDB]":
    """The repository and the store of its remote."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        repo = Repo(str(folder))
        return repo, repo.cloud.get_remote_odb(name, "empaste remote")
    except DvcException as error:
        raise InputError(f"{error}; {HELP} says how to set a remote up") from error


@contextlib.contextmanager
def _reaching(address: str) -> Iterator[None]:
    """What fails in the block ends as an error that names the remote."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each kind of store has a client with errors of its own
        reason = str(error) or type(error).__name__
        said = f"the remote {address} refuses or does not answer: {reason}"
        raise InputError(f"{said}; check its address, your credentials and your rights there: {HELP}") from error


def _list_objects(repo: "Repo", store: "HashFileDB") -> tuple[dict[str, set[str]], set[str]]:
    """The objects of all outputs, by name, with the outputs that each is of; and the lists that are damaged."""
    from dvc_objects.errors import ObjectFormatError

    objects: defaultdict[str, set[str]] = defaultdict(set)
    damaged: set[str] = set()
    for out in repo.index.outs:
        if not (out.use_cache and out.hash_info):
            continue
        objects[out.hash_info.value].add(str(out))
        if out.hash_info.isdir:
            try:
                for _, _, file in _read_list(repo, store, out):
                    objects[file.value].add(str(out))
            except ObjectFormatError:
                damaged.add(out.hash_info.value)
            except FileNotFoundError:
                continue  # it is found missing, with all others
    if not objects:
        raise InputError(f"dvc.lock in {repo.root_dir} names no outputs; run: dvc repro")
    return objects, damaged


def _findings(objects: Mapping[str, set[str]], oids: Iterable[str], state: str) -> set[Finding]:
    return {Finding(tuple(sorted(objects[oid])), oid, state) for oid in oids}


def _read_list(repo: "Repo", store: "HashFileDB", out: "Output") -> "Tree":
    """The files of a folder, as the cache lists them, or else the remote."""
    from dvc_data.hashfile.tree import Tree
    from dvc_objects.errors import ObjectFormatError

    with contextlib.suppress(FileNotFoundError, ObjectFormatError):
        return Tree.load(repo.cache.local, out.hash_info)
    return Tree.load(store, out.hash_info)


def _find_missing(store: "HashFileDB", objects: Mapping[str, set[str]]) -> set[Finding]:
    from dvc_objects.db import ObjectDB

    # A remote in a folder has a way of its own, which deletes what it takes for damaged.
    missing = sorted(objects.keys() - set(ObjectDB.oids_exist(store, list(objects))))
    if missing:
        # Over HTTP, what a wrong password keeps away looks as if it was not there.
        with contextlib.suppress(FileNotFoundError):
            store.fs.fs.cat_file(store.oid_to_path(missing[0]))
    return _findings(objects, missing, "missing")


def _find_damaged(store: "HashFileDB", objects: Mapping[str, set[str]], there: Iterable[str]) -> set[Finding]:
    names = sorted(there)
    with ThreadPoolExecutor(store.fs.jobs) as readers:
        right = tqdm(readers.map(lambda oid: _is_right(store, oid), names), "reading", len(names), unit="object")
        damaged = [oid for oid, is_right in zip(names, right, strict=True) if not is_right]
    return _findings(objects, damaged, "damaged")


def _is_right(store: "HashFileDB", oid: str) -> bool:
    """Whether the content of an object is what its name says."""
    from dvc_data.hashfile.hash import file_md5

    return file_md5(store.oid_to_path(oid), store.fs) == oid.removesuffix(LIST)


def _repair(cache: "HashFileDB", store: "HashFileDB", wrong: Iterable[Finding]) -> set[Finding]:
    """Those of ``wrong`` that are right in ``store`` now.

    Lists of files come last, and one that is missing stays so while a file of its folder is wrong: where a list is,
    DVC takes the folder for complete, and would push the file no more.
    """
    repaired: set[Finding] = set()
    incomplete: set[str] = set()
    for one in sorted(wrong, key=lambda one: one.oid.endswith(LIST)):
        held_back = one.state == "missing" and one.oid.endswith(LIST) and not incomplete.isdisjoint(one.outputs)
        if held_back or not (cache.exists(one.oid) and _is_right(cache, one.oid)):
            incomplete.update(one.outputs)
            continue
        target = store.oid_to_path(one.oid)
        store.makedirs(store.fs.parent(target))
        store.fs.put_file(cache.oid_to_path(one.oid), target)
        store.protect(target)
        repaired.add(one)
    return repaired
