"""The stages of the pipeline, one Typer command each: read, one library call, write.

Importing this package puts the ``src`` beside it first on the path, so that a stage of an experiment that runs in a
workspace of its own (``dvc exp run --temp`` or ``--queue``) uses that workspace's code.
"""

import importlib.util
import os
import sys
from pathlib import Path

if importlib.util.find_spec("typer") is None:
    sys.exit(
        f"ERROR: {sys.executable} lacks this project's packages; activate the environment that has them (in the "
        "checkout: make setup && source .venv/bin/activate)"
    )

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
# Threads that spin while they wait slow each other down on few cores; read once, when the OpenMP runtime is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# NumPy's matrix products round differently by the number of threads, which would be that of the machine's cores.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
