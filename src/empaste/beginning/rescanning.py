"""A project's folder of images looked at again: ``labels.csv`` and ``left_out.csv`` follow what came and what went.

Nothing else is changed. Rows of images that are still there stay as they are, whatever a person has made of them, and
so do the parameters: `Rescan.advice` says which of those `init` would choose otherwise now.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.csv_tables import Table, TableRow, read_csv
from empaste.artifacts.fields import listed
from empaste.artifacts.file_index import real_path
from empaste.artifacts.outputs import write_whole
from empaste.beginning.choices import COUNTED, Choice, choose_presets
from empaste.beginning.folder_labels import SAME_AS, UNREADABLE, is_readable, label_by_folder
from empaste.beginning.found import Found, UnreadableError, count_data_set
from empaste.beginning.machine import Machine
from empaste.beginning.pipeline_files import preset_values
from empaste.beginning.sources import DATASET, IMAGES, LABELS
from empaste.datasets.folder import LAYOUT, LEFT_OUT, NO_LABEL, find_image, name_below, read_labels, unlisted_files
from empaste.datasets.naming import ImageFiles, existing_folder, is_file
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.layout import HERE, in_main_repository
from empaste.presets import flat
from empaste.settings import load_settings, read_sections

LABEL_COLUMNS, LEFT_OUT_COLUMNS = ("file", "label"), ("file", "reason")
FileKey = tuple[int, int] | str
"""A file, however its path is spelt (`real_path`)."""


@dataclass(frozen=True)
class Rescan:
    """What changed in a folder of images, by names below it.

    ``new`` images have rows in ``labels.csv`` now, ``gone`` ones have none any more. ``left_out`` are new ones that are
    not used, with their reasons; ``waiting`` are new ones that nobody said the labels of. ``differing`` have other
    labels in the user's table than in the project, which keeps its own; ``absent`` are in that table, and no files.
    ``found`` counts the data set as it is now, None while images wait; ``advice`` is what `init` would choose here for
    these counts, and ``params.yaml`` has not.
    """

    new: Sequence[str]
    gone: Sequence[str]
    left_out: Mapping[str, str]
    waiting: Sequence[str]
    differing: Sequence[str]
    absent: Sequence[str]
    written: Sequence[Path]
    found: Found | None
    advice: Sequence[Choice]


class _Rows(NamedTuple):
    """A table of the data set: its columns, and its rows, each with the file that it names."""

    columns: Sequence[str]
    rows: Sequence[tuple[TableRow, Path]]

    @property
    def files(self) -> list[Path]:
        return [file for _, file in self.rows]

    @property
    def gone(self) -> list[str]:
        """The names of files that are not there."""
        return sorted({row.values["file"] for row, file in self.rows if not is_file(file)})


class _Project(NamedTuple):
    """A project and its data set: the rows of its two tables, those of ``gone`` images among them."""

    folder: Path
    settings: PrepareSettings
    images: ImageFiles
    labels: _Rows
    left_out: _Rows

    @property
    def root(self) -> Path:
        return self.settings.folder


class _Given(NamedTuple):
    """What is said of an image: its labels, and its split where anything says so."""

    labels: Sequence[str]
    split: str | None


class _Sayings(NamedTuple):
    """The labels of images, and, by name, why some have none; ``origin`` is who says so.

    ``absent`` are names of images that are said to be there, and are not.
    """

    origin: str
    labels: Mapping[FileKey, _Given]
    reasons: Mapping[str, str]
    absent: Sequence[str] = ()


class _Changes(NamedTuple):
    """Rows to add to both tables, by name; files whose rows leave the table of what is left out."""

    new: Mapping[str, _Given]
    left_out: Mapping[str, str]
    used_again: frozenset[Path]


def rescan(folder: Path, table: Path | None, from_folders: bool, machine: Machine) -> Rescan:
    """The data set of the project in ``folder`` has its new images, labelled by the user's ``table`` or by folders.

    Without either, new images wait. `InputError` where the data set is none with a table of labels, a table has no
    meaning, all images are gone, or ``prepare`` would refuse what comes of it; nothing is changed then.
    """
    project = _open(folder)
    back = _copies_of_gone(project)
    known = [file for file in (*project.labels.files, *project.left_out.files) if file not in back]
    unknown = unlisted_files(project.images, known)
    sayings = _ask(project, known, table, from_folders)
    changes = _sort_in(project, unknown, back, sayings) if sayings else _Changes({}, {}, frozenset())
    differing = _differing(project, sayings) if sayings and table is not None else []  # folders know one label alone
    waiting = [] if sayings else [name_below(project.images, file) for file in unknown]
    written, found = _write(project, _texts(project, changes), must_fit=not waiting)
    return Rescan(
        sorted(changes.new), project.labels.gone, changes.left_out, waiting, differing,
        sayings.absent if sayings else [], written,
        found, _advice(project, found, machine) if found else [],
    )  # fmt: skip


def _open(folder: Path) -> _Project:
    if not (folder / HERE.params).exists():
        raise InputError(
            f"{folder.resolve()} has no {HERE.params}, so it is no project; run in one, or name it: "
            "empaste init PROJECT --rescan"
        )
    settings = load_settings(folder / HERE.params, "prepare", PrepareSettings)
    if settings.dataset != "folder":
        raise InputError(
            f"prepare.dataset is {settings.dataset}: its files say what there is, and prepare reads them anew; run: "
            "dvc repro"
        )
    assert settings.root is not None
    settings = settings.model_copy(update={"root": str(folder / in_main_repository(settings.root))})
    root = existing_folder(settings.folder)
    images = ImageFiles(root / IMAGES)
    labels = _read_rows(root / LABELS, LABEL_COLUMNS, ("split",), images)
    project = _Project(folder, settings, images, labels, _read_rows(root / LEFT_OUT, ("file",), ("reason",), images))
    if not any(map(is_file, labels.files)):
        raise InputError(
            f"{images.root} has none of the images that {root / LABELS} names, such as {listed(labels.gone, 3)}; see "
            "where it leads, or begin another project: empaste init NAME --images DIR"
        )
    return project


def _read_rows(path: Path, needed: Sequence[str], further: Sequence[str], images: ImageFiles) -> _Rows:
    """The table at ``path``; without rows where there is none, as `LEFT_OUT` may be missing."""
    if not path.exists() and path.name == LEFT_OUT:
        return _Rows(LEFT_OUT_COLUMNS, [])
    table = read_csv(path, needed, further, LAYOUT)
    if bare := [row.line for row in table.rows if not row.values["file"]]:
        raise InputError(f"{path}, line {bare[0]}: the file is empty; name it or remove the line")
    rows = [(row, find_image(images, row.values["file"], f"{path}, line {row.line}")) for row in table.rows]
    return _Rows([name for name in table.columns if name], rows)


def _copies_of_gone(project: _Project) -> frozenset[Path]:
    """Files that were left out as copies of an image that is gone: they may stand for it now."""
    reasons = {f"{SAME_AS}{name}" for name in project.labels.gone}
    return frozenset(file for row, file in project.left_out.rows if row.values.get("reason") in reasons)


def _ask(project: _Project, known: Sequence[Path], table: Path | None, from_folders: bool) -> _Sayings | None:
    """What the user's table, or the folders, say; None where neither is asked."""
    images = project.images
    if table is not None:
        rows, absent = _split_absent(images, table, read_csv(table, LABEL_COLUMNS, ("split",), LAYOUT))
        found = read_labels(table, rows, images, [])
        labels = {real_path(file): _Given(one.labels, one.split) for file, one in found.items()}
        return _Sayings(str(table), labels, {}, absent)
    if not from_folders:
        return None
    by_folder = label_by_folder(images.root, {name_below(images, file) for file in known})
    labels = {real_path(images.root / one.file): _Given(one.labels, one.split) for one in by_folder.images}
    return _Sayings("the folder of images", labels, dict(by_folder.left_out))


def _split_absent(images: ImageFiles, path: Path, table: Table) -> tuple[Table, list[str]]:
    """The user's ``table`` without the rows of files that are not there, and their names: gone images may still be in
    it.

    All of it where no row names a file that is there, since the table is then of another folder.
    """
    there: list[TableRow] = []
    absent: set[str] = set()
    for row in table.rows:
        name = row.values["file"]
        if name and not is_file(find_image(images, name, f"{path}, line {row.line}")):
            absent.add(name)
        else:
            there.append(row)
    return (table._replace(rows=there), sorted(absent)) if there else (table, [])


def _sort_in(project: _Project, unknown: Sequence[Path], back: frozenset[Path], sayings: _Sayings) -> _Changes:
    """Where the ``unknown`` files belong, and those that were left out without a label and have one now."""
    unlabelled = [file for row, file in project.left_out.rows if row.values.get("reason") == NO_LABEL and is_file(file)]
    new: dict[str, _Given] = {}
    left_out: dict[str, str] = {}
    for file in (*unknown, *unlabelled):
        name, given = name_below(project.images, file), sayings.labels.get(real_path(file))
        if given is not None and is_readable(file):
            new[name] = given
        elif file not in unlabelled:
            left_out[name] = UNREADABLE if given else sayings.reasons.get(name, NO_LABEL)
    _check_splits(project, new, sayings.origin)
    used = {file for file in unlabelled if name_below(project.images, file) in new}
    return _Changes(new, left_out, back | used)


def _check_splits(project: _Project, new: Mapping[str, _Given], origin: str) -> None:
    """`InputError` where splits of ``new`` images are asked for and not said, or said and not asked for."""
    has_splits = "split" in project.labels.columns
    if odd := [name for name, given in new.items() if (given.split is None) == has_splits]:
        table = project.root / LABELS
        said = (
            f"{table} has a column split, and {origin} names none"
            if has_splits
            else (f"{origin} names splits, and {table} has no column split")
        )
        raise InputError(f"{said} ({len(odd)} new images, such as {odd[0]}); let both name the splits, or neither")


def _differing(project: _Project, sayings: _Sayings) -> list[str]:
    """Images that have other labels by ``sayings`` than in the project."""
    rows = [row for row, file in project.labels.rows if is_file(file)]
    own = read_labels(project.root / LABELS, Table(rows, [], []), project.images, [])
    return sorted(
        name_below(project.images, file) for file, one in own.items()
        if (given := sayings.labels.get(real_path(file))) and set(given.labels) != set(one.labels)
    )  # fmt: skip


def _texts(project: _Project, changes: _Changes) -> dict[Path, str]:
    """The files that change, and what they hold then."""
    labels, left_out = project.labels, project.left_out
    kept = [row.values for row, file in labels.rows if is_file(file)]
    kept_out = [row.values for row, file in left_out.rows if is_file(file) and file not in changes.used_again]
    texts: dict[Path, str] = {}
    if changes.new or len(kept) < len(labels.rows):
        added = ({"file": name, "label": label, "split": given.split or ""}
                 for name, given in changes.new.items() for label in given.labels)  # fmt: skip
        texts[project.root / LABELS] = _csv(labels.columns, [*kept, *added])
    if changes.left_out or len(kept_out) < len(left_out.rows):
        columns = list(dict.fromkeys([*left_out.columns, *LEFT_OUT_COLUMNS]))
        further = ({"file": name, "reason": reason} for name, reason in changes.left_out.items())
        texts[project.root / LEFT_OUT] = _csv(columns, [*kept_out, *further])
    return texts | _watching(project, texts)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _watching(project: _Project, texts: Mapping[Path, str]) -> dict[Path, str]:
    """``dvc.yaml``, in which ``prepare`` also depends on a `LEFT_OUT` that is made now, where it does on `LABELS`."""
    path, made = project.folder / HERE.pipeline, project.root / LEFT_OUT
    if made not in texts or made.exists() or not path.exists():
        return {}
    watched, further = (f"      - {json.dumps((DATASET / name).as_posix())}\n" for name in (LABELS, LEFT_OUT))
    text = path.read_text()
    return {path: text.replace(watched, watched + further, 1)} if watched in text and further not in text else {}


def _write(project: _Project, texts: Mapping[Path, str], must_fit: bool) -> tuple[list[Path], Found | None]:
    """The files hold ``texts``; which they are, and the counts of the data set, where it ``must_fit``.

    `InputError` where ``prepare`` would refuse it; the files are as they were then.
    """
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    try:
        for path, text in texts.items():
            write_whole(path, text.encode())
        return list(texts), _count(project) if must_fit else None
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_whole(path, content)
        raise


def _count(project: _Project) -> Found:
    try:
        return count_data_set(project.settings)
    except UnreadableError as error:
        raise InputError(f"{error}; restore them, or name them in {project.root / LEFT_OUT}") from error


def _advice(project: _Project, found: Found, machine: Machine) -> list[Choice]:
    """What `init` would choose here by the counts, and ``params.yaml`` has otherwise; never the share that validates.

    That would move images from one split to the other.
    """
    values = preset_values(choose_presets(project.settings.dataset, found, machine).names)
    now = flat(read_sections(project.folder / HERE.params))
    choices = [one for rule in COUNTED for one in rule(found, machine, values)]
    return [one for one in choices if now.get(one.key) != one.value]
