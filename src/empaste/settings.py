"""One section of ``params.yaml``, read into the frozen, typed model that its package declares."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from empaste.errors import InputError
from empaste.yaml_files import read_yaml


def rising(value: list[float]) -> list[float]:
    """``value``, two numbers; ValueError where the first is the larger one."""
    if value[0] > value[1]:
        raise ValueError(f"a range rises: write [{value[1]}, {value[0]}]")
    return value


@dataclass(frozen=True)
class NamesFiles:
    """Marks a parameter whose text may name a file or a folder of the user's: unfinished work counts its content.

    Such a text is a path, or has one behind ``local-dir:`` or ``NAME@``; ``word`` is one that never is.
    """

    word: str | None = None


Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(gt=0, le=100)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

RisingRange = Annotated[list[PositiveFloat], Field(min_length=2, max_length=2), AfterValidator(rising)]
"""From the first number to the second."""
FileName = Annotated[str | None, NamesFiles()]
Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "float32", "float16", "bfloat16"]
MAX_MISFITS = 20
MAX_SHOWN = 80
"""Misfits that an error lists, and letters of a value that it shows."""


class Settings(BaseModel):
    """The base of every section: frozen, strict types, no unknown key.

    Values stay as ``params.yaml`` has them: nothing is converted, and nothing missing is filled in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Settings)


def load_settings(path: Path, section: str, model: type[Model]) -> Model:
    """The section ``section`` of the file ``path``; `InputError` lists every misfit, with what is allowed.

    Other sections are not looked at: `params.load_params` checks the whole file.
    """
    content = read_sections(path)
    if section not in content:
        raise InputError(f"{path}: {_missing(section)}")
    return validate(content[section], model, path, section)


def read_sections(path: Path) -> dict[str, Any]:
    """The sections of the file ``path``, unchecked; `InputError` where it is no YAML mapping."""
    remedy = _remedy(path)
    content = read_yaml(path, remedy)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no sections but {_shown(content)}; {remedy}")
    return content


def validate(content: Any, model: type[Model], path: Path, *prefix: str) -> Model:
    """``content`` as ``model``; ``prefix`` are the keys in ``path`` that lead to it. `InputError` on any misfit."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        misfits = [_explain(path, prefix, detail, model) for detail in error.errors()]
        more = [f"and {len(misfits) - MAX_MISFITS} more"] if len(misfits) > MAX_MISFITS else []
        raise InputError("\n".join(misfits[:MAX_MISFITS] + more)) from error


def _remedy(path: Path) -> str:
    return f"correct it, or restore it with: git checkout {path}"


def _missing(key: str) -> str:
    return f"{key} is missing; add it (the shipped params.yaml has it with a comment)"


def _shown(value: Any) -> str:
    """``value`` as an error shows it: in Python's form, cut off where it is long."""
    form = repr(value)
    return form if len(form) <= MAX_SHOWN else f"{form[:MAX_SHOWN]}…"


def _explain(path: Path, prefix: tuple[str, ...], detail: ErrorDetails, model: type[Settings]) -> str:
    """One line for one misfit: file, key, value, what is allowed, next step."""
    location = (*prefix, *detail["loc"])
    key = ".".join(str(part) for part in location)
    value, message = _shown(detail["input"]), detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"{path}: {_missing(key)}"
    if detail["type"] == "extra_forbidden":
        return f"{path}: {key} is {value}, but there is no such parameter; {_near_names(detail['loc'], model)}"
    if detail["type"] == "literal_error":
        return f"{path}: {key} is {value}; choose from {detail['ctx']['expected'].replace(' or ', ', ')}"
    if detail["type"] == "value_error":
        if len(location) > 1:
            return f"{path}: {key} is {value}; {message}"
        return f"{path}: {f'{key}.' if key else ''}{message}"  # of several sections: it names its keys itself
    return f"{path}: {key} is {value}; {message[0].lower()}{message[1:]}; correct it and run again"


def _near_names(location: tuple[int | str, ...], model: Any) -> str:
    """What may have been meant, and what there is."""
    for part in location[:-1]:
        model = model.model_fields[part].annotation
    names = list(model.model_fields)
    near = difflib.get_close_matches(str(location[-1]), names, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"allowed here: {', '.join(names)}"


def require_given(section: Settings, method: str, asks: Mapping[str, str]) -> None:
    """ValueError where a parameter of ``section`` (dotted) that ``method`` asks for is null; ``asks`` holds why."""
    for name, reason in asks.items():
        if not attrgetter(name)(section):
            raise ValueError(f"{name} is null, but method {method} {reason}")


def require_readable(path: Path, key: str, remedy: str = "correct it") -> None:
    """`InputError`, which ends with ``remedy``, where the file ``path`` of the parameter ``key`` cannot be read."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{key} is {str(path)!r}, which cannot be read ({error.strerror}); {remedy}") from error
