"""Put a failed stage's earlier outputs back.

DVC removes a stage's outputs before it runs the stage, so a stage that refuses its input would leave nothing behind.
The outputs that ``dvc.lock`` names are in DVC's cache, from where they are copied here; DVC itself cannot be asked,
since it holds its own locks while a stage runs.
"""

import json
import os
import shutil
from pathlib import Path

from configobj import ConfigObj, ConfigObjError

from empaste.artifacts.run_record import read_stages
from empaste.errors import InputError
from empaste.layout import HERE


def restore_outputs(name: str) -> bool:
    """Whether the outputs of stage ``name``, as of the last successful run, now stand in the workspace again.

    Outputs that exist are left alone. False, and nothing written, outside DVC or where the cache lacks any of them.
    """
    lock = HERE.lock
    if "DVC_ROOT" not in os.environ or not lock.exists():
        return False
    try:
        outputs = [out for out in read_stages(lock).get(name, {}).get("outs", []) if "md5" in out]
        missing = [out for out in outputs if not Path(out["path"]).exists()]
        plan = [copy for out in missing for copy in _copies(cache_folder(), out["path"], out["md5"])]
    except (InputError, FileNotFoundError, ValueError):
        return False
    if not plan or not all(source.exists() for source, _ in plan):
        return False
    for source, target in plan:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return True


def cache_folder() -> Path:
    """The folder of DVC's cache objects, as configured in this workspace."""
    for config in (Path(".dvc/config.local"), Path(".dvc/config")):
        try:
            # As DVC reads it: values may be quoted, and a percent sign is one.
            settings = ConfigObj(str(config), encoding="utf-8", interpolation=False)
        except (ConfigObjError, UnicodeDecodeError):
            continue
        if folder := settings.get("cache", {}).get("dir"):
            return (config.parent / str(folder)).resolve() / "files" / "md5"
    return Path(".dvc/cache/files/md5")


def _copies(cache: Path, path: str, md5: str) -> list[tuple[Path, Path]]:
    """The (cached file, place in the workspace) of every file of one output."""
    source = cache / md5[:2] / md5[2:]
    if not md5.endswith(".dir"):
        return [(source, Path(path))]
    entries = json.loads(source.read_text())
    return [(cache / entry["md5"][:2] / entry["md5"][2:], Path(path) / entry["relpath"]) for entry in entries]
