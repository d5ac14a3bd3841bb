"""A project made, whole or not at all: the pipeline, its parameters, the data set's place, git and DVC."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.beginning.choices import Choice, PresetChoice, choose, choose_presets, val_fraction
from empaste.beginning.code_record import RECORD, RENEW
from empaste.beginning.folder_labels import UNREADABLE, left_out_text
from empaste.beginning.found import Found, UnreadableError, count_data_set, images_to_split
from empaste.beginning.machine import Machine
from empaste.beginning.pipeline_files import (
    OWN,
    data_deps_of,
    kept_values,
    preset_values,
    write_pipeline,
    write_values,
)
from empaste.beginning.readme import readme_text
from empaste.beginning.sources import DATASET, IMAGES, LABELS, Source
from empaste.datasets.folder import LEFT_OUT, LEFT_OUT_BY, NO_LABEL, unlisted_images
from empaste.datasets.preparing import shown_by_all
from empaste.datasets.settings import PrepareSettings
from empaste.doctor.repository import check_git, check_names
from empaste.errors import InputError
from empaste.layout import DECISIONS, HERE, pipeline_folder
from empaste.photograph_files import find_photographs
from empaste.report.sheets.panels import counted
from empaste.settings import read_sections

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
RESCAN = "empaste init --rescan"
IGNORED = """\
/.venv/
/.work/
.*~*/
/mlflow.db*
/mlruns/
/mlartifacts/
__pycache__/
/report/
/inspect/
/predictions/
/figures/
/pseudo_labels/
/dvc_plots/
"""
DVC_CONFIG = """\
[cache]
    type = "reflink,copy"
[core]
    analytics = false
"""


@dataclass(frozen=True)
class Begun:
    """A project as it was made: what was counted, chosen, left out; ``notes`` are for the user to know."""

    folder: Path
    found: Found
    presets: PresetChoice
    choices: tuple[Choice, ...]
    notes: tuple[str, ...]


def begin(target: Path, source: Source, machine: Machine) -> Begun:
    """The folder ``target`` holds a project for the data set ``source``, ready for ``dvc repro``, and committed.

    `InputError` where ``target`` cannot be one, or the data set cannot be read; nothing is left then.
    """
    check_target(target, source)
    with whole_directory(target.absolute()) as folder:
        source.write(folder)
        with _user_names(folder, source):
            settings, notes = _settings(folder, source), list(source.said)
            notes += _leave_out_unlabelled(folder, source)
            found = _count(folder, source, settings, notes)
        presets = choose_presets(source.dataset, found, machine)
        choices = choose(source.dataset, source.root_text, found, machine, preset_values(presets.names))
        write_values(folder, presets.names, {one.key: one.value for one in choices})
        write_pipeline(folder, _data_deps(folder, source))
        text = readme_text(target.name, found, presets, choices, version("empaste"))
        write_whole(folder / "README.md", text.encode())
        notes += _describe(found)
        notes = [as_given(note, folder, source) for note in notes]
        notes += _put_under_control(folder)
    return Begun(target, found, presets, tuple(choices), tuple(notes))


def check_target(target: Path, source: Source) -> None:
    """`InputError` where ``target`` cannot become a project: by its name, its place, or what is there."""
    name = target.absolute().name
    if not NAME.fullmatch(name):
        raise InputError(
            f"the name is {name!r}; choose one of letters, digits, dots, hyphens and underscores that begins with a "
            "letter, a digit or an underscore"
        )
    if (target / HERE.pipeline).exists() or (target / ".dvc").exists():
        raise InputError(
            f"{target} holds a project already; choose another name, or, in that folder, run: {RENEW} (after another "
            f"version was installed) or {RESCAN} (after images came or went)"
        )
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        kind = "is a folder with files in it" if target.is_dir() else "is a file"
        raise InputError(f"{target} {kind}; choose a name that is free")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target.absolute().parent} does not exist; make it first")
    place = target.resolve()
    if around := [folder for folder in source.outside if folder.is_dir() and place.is_relative_to(folder)]:
        raise InputError(f"{target} lies in {around[0]}, among the images; choose a place outside")
    if broken := [check for check in check_names(place, place / ".dvc" / "cache") if check.state == "broken"]:
        raise InputError(f"{target}: {broken[0].text}")
    if shutil.which("git") is None:
        raise InputError("git is not installed, and DVC needs it; install git")


@contextmanager
def _user_names(folder: Path, source: Source) -> Iterator[None]:
    """Within the block errors call files of the data set what the user calls them, not what they are called here."""
    try:
        yield
    except InputError as error:
        raise InputError(as_given(str(error), folder, source)) from error


def as_given(text: str, folder: Path, source: Source) -> str:
    """``text`` with the user's names for what the data set of the project in ``folder`` leads to."""
    for name, place in {**source.links, **source.origins}.items():
        text = text.replace(str(folder / DATASET / name), str(place))
    return text.replace(f"{folder}/", "")


def _settings(folder: Path, source: Source) -> PrepareSettings:
    """The section ``prepare`` as it comes with the package, for the data set of a project in ``folder``."""
    root = source.root or folder / DATASET
    section = read_sections(pipeline_folder() / HERE.params)["prepare"]
    return PrepareSettings.model_validate(section | {"dataset": source.dataset, "root": str(root)})


def _leave_out_unlabelled(folder: Path, source: Source) -> Iterator[str]:
    """Images of a table of labels that it does not name are named in left_out.csv; a sentence says how many."""
    if source.dataset != "folder" or LEFT_OUT in source.files:
        return
    unlisted = unlisted_images(folder / DATASET)
    if len(unlisted) == len(find_photographs(folder / DATASET / IMAGES)):
        table = folder / DATASET / LABELS
        raise InputError(f"{table} labels no image; give it a row per image and label, under the header file,label")
    if unlisted:
        _add_left_out(folder, [(name, NO_LABEL) for name in unlisted])
        yield f"no label: {counted(len(unlisted), 'image')}, not used ({DATASET}/{LEFT_OUT}), such as {unlisted[0]}"


def _add_left_out(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    path = folder / DATASET / LEFT_OUT
    text = left_out_text(rows)
    if path.exists():
        text = path.read_text() + text.partition("\n")[2]
    write_whole(path, text.encode())


def _count(folder: Path, source: Source, settings: PrepareSettings, notes: list[str]) -> Found:
    """The counts, with the share of validation images that will be set, and without images that cannot be read."""
    num_images = images_to_split(settings)
    share = {"val_fraction": val_fraction(num_images)} if num_images else {}
    try:
        return count_data_set(settings.model_copy(update=share))
    except UnreadableError as error:
        if source.dataset != "folder":
            raise
        _add_left_out(folder, [(name, UNREADABLE) for name, _ in error.files])
        notes.append(f"{error}; they are not used ({DATASET}/{LEFT_OUT})")
        return _count(folder, source, settings, notes)


def _data_deps(folder: Path, source: Source) -> list[str]:
    """What ``prepare`` depends on: files in the project, and the user's folders and files by their absolute paths."""
    own = [(DATASET / name).as_posix() for name in (LABELS, LEFT_OUT) if (folder / DATASET / name).exists()]
    return [*own, *map(str, source.outside)]


def _describe(found: Found) -> Iterator[str]:
    """What of the data set a user should know; what is left out was said when it was found."""
    yield from (warning for warning in found.warnings if LEFT_OUT_BY not in warning)
    yield from shown_by_all(found.images_per_class, found.train)
    if not found.masks_val:
        yield "no validation image has masks or boxes: AP cannot be measured; the detector is trained all the same"
    if found.unused_classes:
        names = ", ".join(found.unused_classes[:5])
        yield f"{len(found.unused_classes)} classes are in no image and will never be found: {names}"


def _put_under_control(folder: Path) -> Iterator[str]:
    """Git and DVC know ``folder``, and all files in it are committed; a sentence where they could not be."""
    write_whole(folder / ".gitignore", IGNORED.encode())
    write_whole(folder / ".dvcignore", (pipeline_folder() / ".dvcignore").read_bytes())
    _run(folder, "git", "init", "--quiet", "--initial-branch=main")
    _run(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    write_whole(folder / ".dvc" / "config", DVC_CONFIG.encode())
    _run(folder, "git", "add", "--all")
    if unknown := [check.text for check in check_git(folder) if "git does not know" in check.text]:
        yield f"nothing is committed: {unknown[0]}; then: git commit -m 'Begin'"
        return
    try:
        _run(folder, "git", "commit", "--quiet", "--message", f"Begin with empaste {version('empaste')}")
    except InputError as error:  # a signature or a hook of the user's own
        yield f"nothing is committed: {error}"


def _run(folder: Path, *command: str) -> str:
    """What ``command`` prints, run in ``folder``; `InputError` where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise InputError(f"{' '.join(command)} failed: {said}; correct that and run again")
    return done.stdout


class Updated(NamedTuple):
    """The files of a project that an update changed, and the parameters that are no longer any."""

    files: list[Path]
    gone: list[str]


def update(folder: Path) -> Updated:
    """The project in ``folder`` has the pipeline of the package that is installed, and keeps its parameters' values.

    Parameters that are new have their defaults. `InputError` where ``folder`` is no project of `begin`, or git has not
    recorded all of the files that are written.
    """
    if not (folder / RECORD).exists():
        raise InputError(f"{folder.resolve()} has no {RECORD}, so it is no project of empaste init; run in one")
    files = [*map(str, OWN), str(HERE.params)]
    if changed := _changed(folder, files):
        names = ", ".join(map(str, changed))
        raise InputError(
            f"git has not recorded {names}, which would be written anew; commit or discard the changes first"
        )
    values, gone = kept_values(read_sections(folder / HERE.params), preset_values(()))
    write_values(folder, (), values)
    made = [str(path) for path in DECISIONS if not (folder / path).exists()]
    write_pipeline(folder, data_deps_of(folder))
    return Updated(_changed(folder, [*files, *made]), gone)


def _changed(folder: Path, files: Sequence[str]) -> list[Path]:
    """Those of ``files`` that differ from the last commit."""
    return [
        Path(line[3:])
        for line in _run(folder, "git", "status", "--porcelain", "--untracked-files=all", "--", *files).splitlines()
    ]
