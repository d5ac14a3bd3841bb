"""JSON files as they are read: those of other programs, and those that a stage of this pipeline wrote."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from empaste.errors import InputError

Pairs = list[tuple[str, Any]]


def read_json(path: Path, called: str) -> Any:
    """The content of another program's JSON file at ``path``; ``called`` is what an error calls the file.

    `InputError` where it cannot be read, is not valid JSON, or an object names a key twice.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{called} cannot be read ({error.strerror}); correct the path or restore the file") from error
    return _parse(data, called, "restore the file", partial(_once, called=called))


def read_own_json(path: Path, command: str) -> Any:
    """The content of the JSON file at ``path``, which ``command`` (``dvc repro train``) writes.

    `InputError`, which names the command, where it is missing, cannot be read, or is not valid JSON.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: {command}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); run: {command}") from error
    return _parse(data, str(path), f"run: {command}")


def _parse(data: bytes, called: str, remedy: str, as_object: Callable[[Pairs], dict[str, Any]] | None = None) -> Any:
    try:
        return json.loads(data, object_pairs_hook=as_object)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{called} is not valid JSON: {error}; {remedy}") from error


def _once(pairs: Pairs, called: str) -> dict[str, Any]:
    """The object of ``pairs``; JSON itself keeps the last of two values without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"{called}: an object names the key {doubled!r} twice; remove one of them")
    return found
