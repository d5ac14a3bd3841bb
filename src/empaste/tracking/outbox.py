"""What MLflow's store is to hold, kept on the disk until it does: points of curves, and records with their files.

The outbox is ``.work/tracking`` at the top of the main repository, so that it outlives the workspaces of experiments.
An entry is a folder that appears whole. It says which run of the pipeline it belongs to, and names no store: what one
store did not take may go to another.
"""

import base64
import json
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.work import WORK
from empaste.errors import InputError
from empaste.tracking.data_sets import DataSet
from empaste.tracking.identity import PipelineRun, now
from empaste.tracking.record import Point, Record
from empaste.tracking.store import main_repository

CONTENT = "entry.json"
"""The file in an entry that holds all of it but the record's files and its detector."""


@dataclass(frozen=True)
class Entry:
    """Points, or a record, of ``run``, measured at ``time_ms``; ``name`` is that of its folder, and no other's."""

    name: str
    run: PipelineRun
    time_ms: int
    points: Sequence[Point]
    record: Record | None


def outbox() -> Path:
    """The folder of the outbox, which is there only if something was ever kept."""
    return main_repository() / WORK / "tracking"


def keep_points(run: PipelineRun, points: Iterable[Point]) -> None:
    """The outbox holds ``points`` of ``run``."""
    with whole_directory(outbox() / _new_name(run)) as folder:
        _write(folder, run, points=list(points))


def keep_record(run: PipelineRun, record: Record) -> str:
    """The name of the new entry that holds ``record`` of ``run`` and a copy of each of its files."""
    name = _new_name(run)
    with whole_directory(outbox() / name) as folder:
        files = enumerate(record.files)
        changed = {
            "data_sets": [one._asdict() for one in record.data_sets],
            "files": [(_copy(path, folder, f"files/{number}/{path.name}"), place) for number, (path, place) in files],
            "figures": {figure: _to_text(data) for figure, data in record.figures.items()},
            "detector": record.detector
            and (_copy(record.detector[0], folder, "detector"), _to_text(record.detector[1])),
        }
        _write(folder, run, record=vars(record) | changed)
    return name


def kept_runs() -> list[str]:
    """The keys of the runs that have entries, the one with the oldest entry first."""
    oldest_first = sorted(_entries(), key=lambda path: path.name.partition(".")[2])
    return list(dict.fromkeys(path.name.partition(".")[0] for path in oldest_first))


def read_entries(key: str) -> Iterator[Entry]:
    """The entries of the run ``key``, in the order in which they were kept; `InputError` for a damaged one."""
    for path in sorted(path for path in _entries() if path.name.startswith(f"{key}.")):
        try:
            yield _read(path)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}); delete that folder") from error


def remove_entry(name: str) -> None:
    """The outbox no longer holds the entry ``name``."""
    (outbox() / name / CONTENT).unlink()
    shutil.rmtree(outbox() / name)


def sending_lock(key: str) -> FileLock:
    """The lock of the process that sends the entries of the run ``key``: two would open its run twice.

    Some runs share one of sixteen locks, whose files stay.
    """
    folder = outbox()
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"sending_{key[0]}.lock")


def _entries() -> list[Path]:
    """The folders of all entries; what appears, or was left behind by a killed process, begins with a dot."""
    return [path.parent for path in outbox().glob(f"[!.]*/{CONTENT}")]


def _new_name(run: PipelineRun) -> str:
    """A name that sorts the entries of ``run`` by time, and that none had before."""
    return f"{run.key}.{time.time_ns()}.{secrets.token_hex(4)}"


def _write(
    folder: Path, run: PipelineRun, points: Sequence[Point] = (), record: Mapping[str, Any] | None = None
) -> None:
    content = {"run": asdict(run), "time_ms": now(), "points": points, "record": record}
    (folder / CONTENT).write_text(json.dumps(content))


def _read(path: Path) -> Entry:
    content = json.loads((path / CONTENT).read_bytes())
    record = content["record"] and _read_record(path, content["record"])
    points = [(name, step, value) for name, step, value in content["points"]]
    return Entry(path.name, PipelineRun(**content["run"]), content["time_ms"], points, record)


def _read_record(path: Path, fields: Mapping[str, Any]) -> Record:
    changed = {
        "data_sets": [DataSet(**one) for one in fields["data_sets"]],
        "files": [(path / name, place) for name, place in fields["files"]],
        "figures": {figure: base64.b64decode(text) for figure, text in fields["figures"].items()},
        "detector": fields["detector"] and (path / fields["detector"][0], base64.b64decode(fields["detector"][1])),
    }
    return Record(**{**fields, **changed})


def _copy(source: Path, folder: Path, name: str) -> str:
    """``name``, below which ``folder`` holds a copy of the file or folder ``source``."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    return name


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()
