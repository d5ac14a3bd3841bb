"""Records to write, and the runs that they became."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empaste.tracking import Record, record_pipeline
from empaste.tracking.store import EXPERIMENT, find_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PIPELINE_VARIABLES = (
    "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI",
)  # fmt: skip


def client() -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=find_store().uri)


def experiment() -> str:
    found = client().get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return found.experiment_id


def record(**changes: Any) -> Record:
    usual: dict[str, Any] = {
        "params": {"paste.n_p": 3},
        "metrics": {"evaluate.mask.AP50": 58.4},
        "headline": "58.4",
    }
    return Record(**usual | changes)


def recorded(**changes: Any) -> "Run":
    run_id = record_pipeline(record(**changes))
    assert run_id is not None
    return client().get_run(run_id)


def environment(root: Path, **extra: str) -> dict[str, str]:
    """The environment of a stage in ``root``."""
    kept = {name: value for name, value in os.environ.items() if name not in (*PIPELINE_VARIABLES, "EMPASTE_TRACKING")}
    source = Path(__file__).parents[2] / "src"
    return kept | {"DVC_ROOT": str(root), "PYTHONPATH": str(source)} | extra


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def log_a_small_model(run_id: str, folder: Path, _example: bytes, name: str) -> None:
    """In place of a detector, which takes long: the file in ``folder`` is its answer."""
    import mlflow

    script = folder / "model.py"
    script.write_text(
        "import mlflow\n"
        "class Answer(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input: list[str]) -> list[str]: return ['yes']\n"
        "mlflow.models.set_model(Answer())\n"
    )
    with mlflow.start_run(run_id=run_id):
        mlflow.pyfunc.log_model(name="small", python_model=str(script), registered_model_name=name, pip_requirements=[])
