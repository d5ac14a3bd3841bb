"""Folders for work that takes long, so that an interrupted stage goes on where it stopped.

They stand under ``.work/<stage>/<key>``, outside DVC. The key is made of what ``dvc.yaml`` says that the stage depends
on: its code, its parameters and its inputs, and of the files that the parameters name. Work that was begun with
anything else is never continued.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from empaste.artifacts.checksums import file_checksum, folder_checksums
from empaste.errors import InputError
from empaste.layout import HERE, code_file, in_main_repository, pipeline_folder
from empaste.settings import NamesFiles, Settings

REPOSITORY = pipeline_folder()
"""The folder of the ``dvc.yaml`` that belongs to the code that runs."""
WORK = Path(".work")


def work_folder(
    stage: str,
    settings: Settings,
    inputs: Sequence[Path],
    free: Sequence[str] = (),
    called: str | None = None,
    listed: Sequence[Path] = (),
) -> Path:
    """The folder, made where it is missing, for the unfinished work of ``stage``.

    ``settings`` are the stage's section of ``params.yaml``, ``inputs`` what it reads, in the order in which
    ``dvc.yaml`` lists them. Files that parameters name count with their contents (`named_files`). The parameters
    ``free`` (dotted) may change while work goes on: they decide how fast or how patiently it is done. ``listed`` are
    folders that would take long to read: they count with the names, sizes and times of their files. The folder lies in
    ``.work/<called>``, which is the stage's name unless it is given.
    """
    read = data_deps(stage)
    assert len(inputs) == len(read), f"the inputs of stage {stage} are {', '.join(read)}"
    key = stage_key([stage], {stage: settings.model_dump()}, [*inputs, *named_files(settings, free)], free)
    return keyed_folder(called or stage, [key, *(_listing(folder) for folder in listed)])


def stage_key(
    stages: Sequence[str],
    params: Mapping[str, Mapping[str, Any]],
    inputs: Sequence[Path],
    free: Sequence[str] = (),
    repository: Path = REPOSITORY,
) -> str:
    """What the outputs of ``stages``, run one after the other, depend on: a hash of their code, parameters and inputs.

    ``params`` holds the section of every stage, ``inputs`` every file or folder that they read and do not write, those
    that parameters name among them (`named_files`).
    """
    pipeline = read_pipeline(repository)
    code = sorted({dep for stage in stages for dep in pipeline[stage]["deps"] if is_code(dep)})
    counted = {stage: _without(params[stage], free) for stage in stages}
    parts = [list(stages), counted, *(code_file(path, repository) for path in code), *inputs]
    return _digest(parts)


def named_files(settings: Settings, free: Sequence[str] = ()) -> list[Path]:
    """The files and folders that are there and that the `NamesFiles` parameters of ``settings``, but ``free``, name."""
    return [path for text in _texts_of_files(settings, free) if (path := _named_path(text))]


def data_deps(stage: str, repository: Path = REPOSITORY) -> list[str]:
    """What ``stage`` reads of the artifacts of others, in the order of ``dvc.yaml``."""
    return [dep for dep in read_pipeline(repository)[stage]["deps"] if not is_code(dep)]


def read_pipeline(repository: Path = REPOSITORY) -> dict[str, Any]:
    """The stages of ``dvc.yaml``; `InputError` where it cannot be read."""
    path = repository / HERE.pipeline
    try:
        stages: dict[str, Any] = yaml.safe_load(path.read_bytes())["stages"]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise InputError(
            f"{path} lists no stages ({type(error).__name__}); restore it with: git checkout {path}"
        ) from error
    return stages


def is_code(dep: str) -> bool:
    """Whether a dependency in ``dvc.yaml`` is code of this project, not an artifact."""
    return dep.startswith(("src/", "stages/"))


def keyed_folder(name: str, key_parts: Sequence[Any], root: Path = WORK) -> Path:
    """The folder ``root/name/key``, made where it is missing, for work that ``key_parts`` determine.

    A part that is a `Path` stands for the contents of that file or directory; any other part is taken as JSON.
    """
    folder = root / name / _digest(key_parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_work(folder: Path) -> None:
    """``folder``, which `work_folder` gave, is gone; to be called once the outputs stand."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_other_work(folder: Path) -> None:
    """Only ``folder`` is left of its stage: what was begun with other parameters or data, and can be large, is gone."""
    for other in folder.parent.iterdir():
        if other != folder:
            remove_work(other)


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    """The files below ``folder``: their names, sizes in bytes, and when they were changed last, in nanoseconds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]


def _without(section: Mapping[str, Any], free: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """``section`` without the dotted keys ``free``."""
    return {
        key: _without(value, free, f"{prefix}{key}.") if isinstance(value, Mapping) else value
        for key, value in section.items()
        if f"{prefix}{key}" not in free
    }


def _texts_of_files(settings: Settings, free: Sequence[str], prefix: str = "") -> Iterator[str]:
    """The texts of the `NamesFiles` parameters, but for the dotted keys ``free``, in the order of the parameters."""
    for name, field in type(settings).model_fields.items():
        value, key = getattr(settings, name), f"{prefix}{name}"
        if isinstance(value, Settings):
            yield from _texts_of_files(value, free, f"{key}.")
        marks = [mark for mark in field.metadata if isinstance(mark, NamesFiles)]
        if marks and value and key not in free:
            yield from (one for one in (value if isinstance(value, list) else [value]) if one != marks[0].word)


def _named_path(text: str) -> Path | None:
    """The file or folder that ``text`` names: a path, or what has one behind ``local-dir:`` or ``NAME@``."""
    name = text.partition("#")[0].replace("local-dir:", "@").rpartition("@")[2]
    path = in_main_repository(name)
    # Path.exists would end in an error for a text too long to be a path.
    return path if name and os.path.exists(path) else None  # noqa: PTH110


def _digest(parts: Sequence[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        text = _content_checksums(part) if isinstance(part, Path) else json.dumps(part, sort_keys=True, default=str)
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:24]


def _content_checksums(path: Path) -> str:
    """The file's checksum, or those of a directory's files by name, without compiled code; "" where nothing is."""
    if not path.is_dir():
        return file_checksum(path) if path.exists() else ""
    sums = folder_checksums(path)
    return json.dumps({name: sums[name] for name in sums if "__pycache__" not in Path(name).parts})
