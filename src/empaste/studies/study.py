"""A study as its YAML file describes it: rows of overrides, what a repeat sets, and what is shown of each row."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from empaste.errors import InputError
from empaste.settings import Settings
from empaste.yaml_files import read_yaml

OWN = Path("studies")
"""The folder of a user's studies, at the top of the repository."""
SHIPPED = Path(__file__).parent
NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
"""Names of studies, rows and labels: a hyphen joins them to the name of an experiment."""
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$", max_length=40)]
Text = Annotated[str, Field(min_length=1)]
Overrides = dict[str, Any]
"""Dotted keys of ``params.yaml`` with their values."""
Published = dict[str, float]
"""Titles of metrics with published figures."""


class Row(BaseModel):
    """What differs in a row, and what was published of it."""

    model_config = Settings.model_config

    title: Text
    set: Overrides = {}
    times: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Numbers that are so many times what the other rows have."""
    published: Published = {}
    compare_with: Name | None = None
    """The row that this one is compared with, where it is another than the study's."""
    needs: dict[str, Text] = {}
    """Parameters that the row cannot do without, each with what it names and where that comes from."""
    gpu: bool = False
    """Whether the row is skipped on a machine without a GPU, where it would take days."""
    pseudo_labels_of: Name | None = None
    """The row whose detector outlines, per seed, the instances that this row pastes."""


class PerClass(BaseModel):
    """A metric by class, in the order of the class's size."""

    model_config = Settings.model_config

    metric: Text
    sizes: Text


class Study(BaseModel):
    """A table: what is asked, its rows in order, and what is shown of them."""

    model_config = Settings.model_config

    title: Text
    question: Text
    rows: Annotated[dict[Name, Row], Field(min_length=1)]
    metrics: Annotated[dict[Text, Text], Field(min_length=1)]
    """Titles, each with the stage whose metrics file has the figure, and its dotted key in it."""
    seeded: list[Text]
    """Parameters that a repeat sets to its number."""
    compare_with: Name
    """The row that those are compared with that name no other."""
    presets: list[Text] = []
    """What all rows stand on, over ``params.yaml``."""
    defaults: Overrides = {}
    """What all rows share, over these presets, where nothing else is asked for."""
    set: Overrides = {}
    """What all rows share whatever is asked for."""
    per_class: PerClass | None = None
    published_in: Text | None = None
    """Where the published figures come from."""
    last_stage: Text = "report"
    """The stage that a row ends with."""
    halves: bool = False
    """Whether foregrounds are measured on two halves of the images, see `empaste.studies.halves`."""

    def compared(self, name: str) -> str | None:
        """The row that the row ``name`` is compared with; None for the one that the others are compared with."""
        other = self.rows[name].compare_with or self.compare_with
        return None if other == name else other


def study_files() -> dict[str, Path]:
    """Every study's file by name: the user's own, which win, and those that are shipped."""
    files = [*SHIPPED.glob("*.yaml"), *OWN.glob("*.yaml")]
    return {path.stem: path for path in sorted(files, key=lambda path: (path.parent == OWN, path.name))}


def find_study(name: str) -> Path:
    """The file of the study ``name``, or ``name`` itself where it is a path; `InputError` where there is none."""
    files = study_files()
    path = files.get(name, Path(name))
    if path.suffix == ".yaml" and path.is_file():
        if not NAME.fullmatch(path.stem):
            raise InputError(f"{path}: a study is called after its file; use small letters, digits and _ for its name")
        return path
    near = difflib.get_close_matches(name, files, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise InputError(
        f"there is no study {name!r}; {meant}choose from {', '.join(sorted(files))}, or give the path of a .yaml file"
    )


def read_study(path: Path) -> Study:
    """The study of the file ``path``; `InputError` lists every mistake in its form, one a line."""
    content = read_yaml(path, "correct it")
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no study but {content!r}; see docs/recipes.md for its form")
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(_explain(path, detail) for detail in error.errors())) from error
    _check_references(study, path)
    return study


def choose_rows(study: Study, names: list[str]) -> list[str]:
    """``names`` in the study's order, all rows where none is named; `InputError` for one that it lacks."""
    for name in names:
        _require_row(study, name, "--rows")
    return [name for name in study.rows if name in names or not names]


def _check_references(study: Study, path: Path) -> None:
    """`InputError` where a part of the study names a row or a metric that it lacks."""
    _require_row(study, study.compare_with, f"{path}: compare_with")
    for name, row in study.rows.items():
        for title in row.published:
            if title not in study.metrics:
                raise InputError(f"{path}: rows.{name}.published has {title!r}; {_choices(title, study.metrics)}")
        if row.compare_with is not None:
            _require_row(study, row.compare_with, f"{path}: rows.{name}.compare_with")
        if row.compare_with == name:
            raise InputError(f"{path}: rows.{name}.compare_with is the row itself; name another, or leave it out")
        if row.pseudo_labels_of is None:
            continue
        _require_row(study, row.pseudo_labels_of, f"{path}: rows.{name}.pseudo_labels_of")
        if study.rows[row.pseudo_labels_of].pseudo_labels_of is not None:
            raise InputError(
                f"{path}: rows.{name}.pseudo_labels_of is {row.pseudo_labels_of}, which itself stands on another row; "
                "choose a row that does not"
            )


def _require_row(study: Study, name: str, origin: str) -> None:
    if name not in study.rows:
        raise InputError(f"{origin} is {name!r}, which is no row of the study; {_choices(name, study.rows)}")


def _choices(name: str, there: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, there, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"choose from {', '.join(there)}"


def _explain(path: Path, detail: ErrorDetails) -> str:
    """One line for one mistake in the form: file, key, what stands there, what is allowed."""
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    if detail["type"] == "missing":
        return f"{path}: {key} is missing; add it"
    if detail["type"] == "extra_forbidden":
        fields = _model(detail["loc"]).model_fields
        return f"{path}: {key} is no part of a study; {_choices(str(detail['loc'][-1]), fields)}"
    if detail["type"] == "string_pattern_mismatch":
        return f"{path}: {key}: the name {detail['input']!r} is not allowed; use small letters, digits and _"
    message = detail["msg"]
    return f"{path}: {key} is {detail['input']!r}; {message[0].lower()}{message[1:]}"


def _model(location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that has a part at ``location``."""
    if location[0] == "rows" and len(location) > 2:
        return Row
    return PerClass if location[0] == "per_class" and len(location) > 1 else Study
