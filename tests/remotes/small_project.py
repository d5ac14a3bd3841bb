"""A project of one stage, whose outputs a shell makes in no time."""

from pathlib import Path

from tests.remotes.machines import Machine

STAGES = """\
stages:
  make:
    cmd: mkdir -p data && for i in 1 2 3 4; do seq $i ${last} > data/$i; done && seq ${last} -1 1 > model
    params: [last]
    outs: [data, model]
"""
LAST = 30000
CONFIG = "[core]\n    analytics = false\n    check_update = false\n"


def make_small_project(folder: Path) -> Machine:
    """A machine on which the stage has run and is committed: a folder of four files and one more file, 167 kB each."""
    folder.mkdir(parents=True)
    machine = Machine(folder)
    machine.git("init", "-q", "-b", "main")
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "params.yaml").write_text(f"last: {LAST}\n")
    machine.dvc("init", "-q")
    (folder / ".dvc" / "config").write_text(CONFIG)
    machine.dvc("repro", "-q")
    machine.git("add", "-A")
    machine.git("commit", "-qm", "A run")
    return machine


def contents(folder: Path) -> dict[str, bytes]:
    """The files of the stage's outputs that are there."""
    files = [file for file in (folder / "data").glob("*") if file.is_file()] + [folder / "model"]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files if file.exists()}
