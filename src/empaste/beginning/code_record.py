"""``code.yaml`` of a project: which code its stages run, so that DVC runs a stage again when that code changed.

A project made by ``empaste init`` has no ``src/``. In place of the files that ``dvc.yaml`` lists in the checkout, each
stage depends on one value of this file: a hash of all code that it reaches.
"""

from importlib.metadata import version
from pathlib import Path

from empaste.artifacts.work import read_pipeline, stage_key
from empaste.errors import InputError
from empaste.yaml_files import read_yaml

RECORD = Path("code.yaml")
RENEW = "empaste init --update"
HEADER = f"""\
# The code that the stages run, a hash each; DVC runs a stage again when its hash changed. Written by empaste init, and
# renewed by {RENEW} after another version of empaste was installed.
"""


def record_text() -> str:
    """The content of ``code.yaml`` for the code that is installed."""
    lines = (f"  {stage}: {code_hash(stage)}\n" for stage in read_pipeline())
    return f"{HEADER}version: {version('empaste')}\nstages:\n{''.join(lines)}"


def code_hash(stage: str) -> str:
    """A hash of the code that ``stage`` reaches."""
    return stage_key([stage], {stage: {}}, [])


def check_code(stage: str, record: Path = RECORD) -> None:
    """`InputError` where the project in this folder records other code of ``stage`` than would run.

    DVC would otherwise take outputs of one version for those of another. Nothing is checked without a record, as in
    the checkout, whose ``dvc.yaml`` lists the code itself.
    """
    if not record.exists():
        return
    content = read_yaml(record, f"renew it with: {RENEW}")
    recorded = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(recorded, dict) or recorded.get(stage) != code_hash(stage):
        made_by = content.get("version", "another") if isinstance(content, dict) else "another"
        raise InputError(
            f"{record} records other code of the stage {stage} (empaste {made_by}) than is installed (empaste "
            f"{version('empaste')}); run: {RENEW}, then dvc repro, which runs again what the change concerns"
        )
