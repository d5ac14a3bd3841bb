"""The trained detector as an MLflow model: images in, instances out; what ``mlflow models serve`` runs.

MLflow runs this file itself to make the model (models from code), so that no pickle is involved.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from empaste.detectors import classes_of, load_detector
from empaste.errors import InputError
from empaste.images import decode_rgb

ARTIFACT = "detector"
"""What the folder of the detector is called among the model's artifacts."""
REQUIREMENTS = (
    "torch", "torchvision", "numpy", "pandas", "opencv-contrib-python-headless", "pycocotools", "safetensors",
    "jaxtyping", "tqdm", "mlflow",
)  # fmt: skip
LEAST_SCORE, MAX_DETECTIONS = 0.05, 100
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.binary, "image")]),
    params=ParamSchema([ParamSpec("min_score", DataType.double, 0.5)]),
)


class ServedDetector(mlflow.pyfunc.PythonModel):
    """Takes a column ``image`` of files' bytes (base64 in JSON), and ``min_score``; see `predict`."""

    def load_context(self, context: Any) -> None:
        """Load the detector once; on a GPU where there is one."""
        folder = Path(context.artifacts[ARTIFACT])
        self.names = classes_of(folder)
        self.detect = load_detector(
            folder, min_score=LEAST_SCORE, max_detections=MAX_DETECTIONS, num_threads=0, device="auto"
        )

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Per image ``{"instances": [...]}``, best first: class_name, category_id, score, bbox (xywh) and segmentation
        (COCO RLE), in pixels of the image. `InputError` for bytes that are no image, or a ``min_score`` under 0.05."""
        min_score = float((params or {}).get("min_score", 0.5))
        if not LEAST_SCORE <= min_score <= 1:
            raise InputError(f"min_score is {min_score}; choose a number from {LEAST_SCORE} to 1")
        images = [
            decode_rgb(np.frombuffer(data, np.uint8), f"image {number} of the request")
            for number, data in enumerate(model_input["image"])
        ]
        return [{"instances": self._shown(rows, min_score)} for image in images for rows in self.detect([image])]

    def _shown(self, rows: list[dict[str, Any]], min_score: float) -> list[dict[str, Any]]:
        return [{"class_name": self.names[row["category_id"]], **row} for row in rows if row["score"] >= min_score]


def log_served_detector(run_id: str, folder: Path, example: bytes, registered_name: str) -> str:
    """The URI of the model of ``folder``, logged with the run and registered as a new version of ``registered_name``.

    ``example`` is an image file's bytes, with which the model is tried and which it keeps as its input example. The
    store is the one that MLflow's tracking URI names.
    """
    package = Path(__file__).parent
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.pyfunc.log_model(
            name="detector",
            python_model=str(package / "serving.py"),
            artifacts={ARTIFACT: str(folder)},
            code_paths=[str(package)],
            signature=SIGNATURE,
            input_example=pd.DataFrame({"image": [example]}),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            registered_model_name=registered_name,
        )
    return str(logged.model_uri)


mlflow.models.set_model(ServedDetector())
