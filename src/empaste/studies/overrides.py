"""What a row changes: dotted keys of ``params.yaml`` with their values, applied here or given to ``dvc exp run -S``."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from empaste.errors import InputError

TAGS = "report.tags"
"""The parameter that a row's study, name and seed go to: an empty mapping, whose keys DVC takes as new ones."""


def parameter_keys(params: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The dotted keys of all parameters; an empty mapping is one, and so are the tags."""
    keys: list[str] = []
    for key, value in params.items():
        name = f"{prefix}{key}"
        is_section = isinstance(value, Mapping) and value and name != TAGS
        keys += parameter_keys(value, f"{name}.") if is_section else [name]
    return keys


def require_parameters(keys: Iterable[str], params: Mapping[str, Any], origin: str) -> None:
    """`InputError`, which begins with ``origin``, for the first of ``keys`` that is no parameter of ``params``."""
    known = parameter_keys(params)
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"did you mean {near[0]}?" if near else "choose from those in params.yaml"
            raise InputError(f"{origin}: {key} is no parameter; {meant}")


def value_of(params: Mapping[str, Any], key: str) -> Any:
    """What stands in ``params`` under the dotted ``key``, a parameter."""
    value: Any = params
    for part in key.split("."):
        value = value[part]
    return value


def changed_parameters(params: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, by dotted key, that ``changed`` has otherwise than ``params``, as ``changed`` has them."""
    keys = parameter_keys(params)
    return {key: value_of(changed, key) for key in keys if value_of(params, key) != value_of(changed, key)}


def set_param(key: str, value: Any) -> str:
    """``key`` and ``value`` as one word for ``dvc exp run -S``, which reads it as this value."""
    return f"{'++' if key == TAGS else ''}{key}={_word(value)}"


def _word(value: Any) -> str:
    """``value`` in Hydra's grammar of overrides, in which DVC reads it; texts are quoted."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(_word, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_word(one)}' for key, one in value.items())}}}"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    """``text`` in single quotes: backslashes before a quote, or at the end, are doubled, and quotes escaped."""
    parts = text.split("'")
    return "'" + "\\'".join(part + "\\" * (len(part) - len(part.rstrip("\\"))) for part in parts) + "'"
