"""The repository: disk, git, DVC's cache and remote, and which stages have their outputs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configobj import ConfigObj, ConfigObjError

from empaste.artifacts.work import read_pipeline
from empaste.doctor.check import Check
from empaste.errors import InputError, first_line
from empaste.tracking.addresses import without_password

MIN_FREE_GB = 5


def check_disk(folder: Path) -> Check:
    """Whether there is room for artifacts."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < MIN_FREE_GB:
        return Check("note", f"{free:.1f} GB free on the disk of {folder}; a run on real data may need more")
    return Check("ok", f"{free:.0f} GB free on the disk")


def check_git(folder: Path) -> list[Check]:
    """Whether DVC finds what it needs of git here: a repository, a commit, an author for commits."""
    if _works_without_git(folder):
        return [Check("note", "DVC works without git here (core.no_scm): dvc repro runs, dvc exp does not")]
    if shutil.which("git") is None:
        return [Check("broken", "git is not installed, and DVC needs it; install git")]
    if _git(folder, "rev-parse", "--git-dir") is None:
        return [
            Check(
                "broken",
                f"{folder.resolve()} is not a git repository (a download without .git?), so every dvc command fails; "
                "run: git init && git add -A && git commit -m start; for dvc repro alone: "
                "dvc config --local core.no_scm true",
            )
        ]
    lacking = [check for check in (_check_commit(folder), _check_author(folder)) if check]
    return lacking or [Check("ok", "git knows this repository, and who commits")]


def _works_without_git(folder: Path) -> bool:
    try:
        return str(_dvc_config(folder).get("core", {}).get("no_scm", "false")).lower() == "true"
    except InputError:
        return False  # which check_dvc says


def _check_commit(folder: Path) -> Check | None:
    if _git(folder, "rev-parse", "HEAD") is not None:
        return None
    return Check("note", "git has no commit yet, which dvc exp needs; run: git add -A && git commit -m start")


def _check_author(folder: Path) -> Check | None:
    unset = [name for name in ("user.name", "user.email") if not _git(folder, "config", name)]
    unset = [name for name in unset if f"GIT_AUTHOR_{name.removeprefix('user.').upper()}" not in os.environ]
    if not unset:
        return None
    commands = " && ".join(f"git config --global {name} ..." for name in unset)
    said = f"git does not know {' and '.join(unset)}, so commits fail, those of dvc exp too"
    return Check("note", f"{said}; run: {commands}")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def check_dvc(folder: Path) -> list[Check]:
    """Where artifacts are cached and shared, and what DVC cannot do in a folder of this name."""
    if not (folder / ".dvc").is_dir():
        return [Check("broken", f"{folder.resolve()} is no DVC repository; run from the top of the repository")]
    try:
        config = _dvc_config(folder)
    except InputError as error:
        return [Check("broken", str(error))]
    cache = folder.resolve() / ".dvc" / config.get("cache", {}).get("dir", "cache")
    return [*check_names(folder.resolve(), cache), Check("ok", f"DVC's cache is {cache}"), _check_remote(config)]


def check_names(repository: Path, cache: Path) -> list[Check]:
    """Characters in the paths of the repository and of DVC's cache that DVC cannot handle."""
    elsewhere = "move the repository, or keep the cache elsewhere: dvc cache dir --local /FOLDER"
    checks = []
    if set("{}") & set(str(cache)):
        checks.append(Check("broken", f"DVC cannot use a cache below a path with braces ({cache}); {elsewhere}"))
    if not str(cache).isascii():
        said = f"dvc exp run --temp and --queue end in an error where the cache's path is not all ASCII ({cache})"
        checks.append(Check("note", f"{said}; {elsewhere}, or use plain dvc exp run"))
    if set("#?") & set(str(repository)):
        said = f"dvc exp run --temp and --queue end in an error below a path with # or ? ({repository})"
        checks.append(Check("note", f"{said}; move the repository, or use plain dvc exp run"))
    return checks


def _check_remote(config: dict[str, Any]) -> Check:
    name = config.get("core", {}).get("remote")
    if name is None:
        return Check("note", "no default remote, artifacts stay here; to share: dvc remote add -d NAME URL")
    sections = {heading.strip("'"): values for heading, values in config.items()}
    url = sections.get(f'remote "{name}"', {}).get("url")
    if url is None:
        return Check("broken", f"DVC's default remote {name} has no url; run: dvc remote add {name} URL")
    # ConfigObj parts a value at its commas.
    whole = url if isinstance(url, str) else ",".join(url)
    return Check("ok", f"DVC's default remote is {name} ({without_password(whole)})")


def _dvc_config(folder: Path) -> dict[str, Any]:
    """DVC's configuration of the repository in ``folder``; `InputError` where it cannot be read."""
    joined: dict[str, Any] = {}
    for name in ("config", "config.local"):
        try:
            part = ConfigObj(str(folder / ".dvc" / name), encoding="utf-8", interpolation=False)
        except (ConfigObjError, OSError, UnicodeDecodeError) as error:
            reason = _why_unreadable(error)
            raise InputError(f"DVC's configuration cannot be read ({name}: {reason}); correct it") from error
        for section, values in part.items():
            if not isinstance(values, dict):
                raise InputError(f"DVC's configuration cannot be read ({name}: {section} is in no section); correct it")
            joined.setdefault(section, {}).update(values)
    return joined


def _why_unreadable(error: Exception) -> str:
    """Why a configuration cannot be read, without the line itself, which may hold a password."""
    if not isinstance(error, ConfigObjError):
        return first_line(error)
    first = (error.errors or [error])[0]
    return f"line {first.line_number} cannot be parsed"


def check_outputs(folder: Path) -> list[Check]:
    """Which stages have their outputs; ``dvc status`` says which outputs are out of date."""
    try:
        stages = read_pipeline(folder)
    except InputError as error:
        return [Check("broken", str(error))]
    lacking = [name for name, stage in stages.items() if not all((folder / out).exists() for out in outputs_of(stage))]
    if not lacking:
        return [Check("ok", f"the outputs of all {len(stages)} stages exist; what is out of date: dvc status")]
    return [Check("note", f"no outputs yet of {', '.join(lacking)}; to make them: dvc repro")]


def outputs_of(stage: dict[str, Any]) -> Iterator[str]:
    """What an entry of ``dvc.yaml`` says that its stage writes."""
    for kind in ("outs", "metrics", "plots"):
        for out in stage.get(kind, []):
            yield out if isinstance(out, str) else next(iter(out))
