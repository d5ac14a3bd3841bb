"""The wheel carries the pipeline: what setuptools builds, alone on the path, knows its files and all code by hash."""

import os
import subprocess
import sys
from pathlib import Path

from empaste.beginning.code_record import record_text

TOP = Path(__file__).parents[2]


def python(*words: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_built_has_the_pipeline_and_the_same_code(tmp_path: Path) -> None:
    built = tmp_path / "built"
    info = f"--egg-base={tmp_path}"  # nothing is written into the checkout
    python("setup.py", "-q", "egg_info", info, "build_py", f"--build-lib={built}", folder=TOP)
    pipeline = built / "empaste" / "pipeline"
    for kind, pattern in (("stages", "*.py"), ("presets", "*.yaml"), (".", "dvc.yaml"), (".", "params.yaml")):
        names = sorted(path.name for path in (TOP / kind).glob(pattern))
        assert sorted(path.name for path in (pipeline / kind).glob(pattern)) == names
    code = (
        "from empaste.beginning.code_record import record_text; import empaste; print(record_text(), empaste.__file__)"
    )
    printed = python("-P", "-c", code, folder=tmp_path, PYTHONPATH=str(built))
    assert printed.strip() == f"{record_text()} {built / 'empaste' / '__init__.py'}"
