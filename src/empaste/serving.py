"""The trained detector as an MLflow model: images in, instances out; what ``mlflow models serve`` runs.

MLflow runs this file itself to make the model (models from code), so that no pickle is involved.

A request is bounded, from the files' headers, before anything is decoded: `BOUNDS` names the environment variables of
the server, what each bounds, and its value without one. Images are answered one after the other, one of them in memory
at a time, also where several clients ask at once. What is wrong with a request is answered by this project's own
sentence and status 400.
"""

import base64
import binascii
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from empaste.artifacts.coco_records import DetectedInstance
from empaste.detectors.detecting import DETECTION_ERRORS, DetectSettings, load_detector
from empaste.detectors.models import classes_of
from empaste.errors import InputError
from empaste.images import RGB
from empaste.photographs import decode_header, decode_photograph

ARTIFACT = "detector"
"""What the folder of the detector is called among the model's artifacts."""
REQUIREMENTS = (
    "torch", "torchvision", "numpy", "pandas", "opencv-contrib-python-headless", "pillow", "pycocotools", "safetensors",
    "jaxtyping", "tqdm", "mlflow", "timm",
)  # fmt: skip
LEAST_SCORE = 0.05
SETTINGS = DetectSettings(LEAST_SCORE, max_detections=100, batch_size=1, num_threads=0, device="auto")
SIGNATURE = ModelSignature(
    # As text: of a column of bytes MLflow decodes the base64 itself, and neither names the image that is none nor minds
    # letters that are no base64. A column of text takes Python's bytes, too.
    inputs=Schema([ColSpec(DataType.string, "image")]),
    params=ParamSchema([ParamSpec("min_score", DataType.double, 0.5)]),
)


class Bound(NamedTuple):
    """The environment variable that sets a bound, its value without one, and what it bounds."""

    variable: str
    default: int
    of: str


MAX_IMAGES = Bound("EMPASTE_SERVE_MAX_IMAGES", 64, "images in a request")
MAX_IMAGE_MB = Bound("EMPASTE_SERVE_MAX_IMAGE_MB", 64, "MB of a file")
MAX_MB = Bound("EMPASTE_SERVE_MAX_MB", 256, "MB of all files of a request")
MAX_IMAGE_MEGAPIXELS = Bound("EMPASTE_SERVE_MAX_IMAGE_MEGAPIXELS", 128, "megapixels of an image")
MAX_MEGAPIXELS = Bound("EMPASTE_SERVE_MAX_MEGAPIXELS", 512, "megapixels of all images of a request")
BOUNDS = (MAX_IMAGES, MAX_IMAGE_MB, MAX_MB, MAX_IMAGE_MEGAPIXELS, MAX_MEGAPIXELS)
MILLION = 1_000_000
WANTED = "give the bytes of an image file, in JSON as base64"

logger = logging.getLogger(__name__)


class ServedInstance(DetectedInstance):
    """An instance as it is answered."""

    class_name: str


class Answer(TypedDict):
    """What is answered of an image."""

    instances: list[ServedInstance]


class BadRequestError(MlflowException, InputError):
    """A request that cannot be answered: MLflow's server says its sentence alone, with status 400."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, error_code=INVALID_PARAMETER_VALUE)
        self.sentence = sentence

    def serialize_as_json(self) -> str:
        """The body of the answer, without the request's data, which MLflow's server puts before the message."""
        self.message = self.sentence
        return str(super().serialize_as_json())  # type: ignore[no-untyped-call]  # MLflow leaves it untyped


class ServedDetector(mlflow.pyfunc.PythonModel):
    """Takes a column ``image`` of files' bytes, in base64 or as such, and ``min_score``; see `predict`."""

    def load_context(self, context: Any) -> None:
        """Load the detector once; on a GPU where there is one."""
        folder = Path(context.artifacts[ARTIFACT])
        self.names = classes_of(folder)
        self.detect = load_detector(folder, SETTINGS)
        self.bounds = read_bounds(os.environ)
        self.lock = threading.Lock()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> list[Answer]:
        """Per image ``{"instances": [...]}``, best first: class_name, category_id, score, bbox (xywh) and segmentation
        (COCO RLE), in pixels of the image, upright. No image gives an empty list.

        `BadRequestError`, which names the image by its number from 0, for what is no image, for more than `BOUNDS`
        allow, and for a ``min_score`` under 0.05.
        """
        try:
            min_score = (params or {}).get("min_score", 0.5)
            if not isinstance(min_score, int | float) or not LEAST_SCORE <= min_score <= 1:
                raise InputError(f"min_score is {min_score}; choose a number from {LEAST_SCORE} to 1")
            files = read_request(list(model_input["image"]), self.bounds)
            return [{"instances": self._shown(rows, min_score)} for rows in map(self._detect, range(len(files)), files)]
        except InputError as error:
            raise BadRequestError(str(error)) from error

    def _detect(self, number: int, data: bytes) -> list[DetectedInstance]:
        try:
            with self.lock:
                (rows,) = self.detect(self._decode(*file) for file in [(number, data)])
        except InputError:
            raise
        except DETECTION_ERRORS as error:
            logger.exception("%s could not be detected on", _name(number))
            raise MlflowException(
                f"{_name(number)} could not be detected on ({type(error).__name__}); the server's log says more",
                error_code=INTERNAL_ERROR,
            ) from error
        return rows

    def _decode(self, number: int, data: bytes) -> RGB:
        return decode_photograph(data, _name(number), self.bounds[MAX_IMAGE_MEGAPIXELS] * MILLION).image

    def _shown(self, rows: list[DetectedInstance], min_score: float) -> list[ServedInstance]:
        return [{"class_name": self.names[row["category_id"]], **row} for row in rows if row["score"] >= min_score]


def read_bounds(environment: Mapping[str, str]) -> dict[Bound, int]:
    """What a request is bounded by; `InputError` for a variable that is no whole number from 1 on."""
    bounds = {}
    for bound in BOUNDS:
        text = environment.get(bound.variable, str(bound.default)).strip()
        if not text.isdecimal() or int(text) < 1:
            raise InputError(f"{bound.variable} is {text!r}; set it to a whole number from 1 on ({bound.of})")
        bounds[bound] = int(text)
    return bounds


def read_request(cells: Sequence[Any], bounds: Mapping[Bound, int]) -> list[bytes]:
    """The bytes of the files in a request's column; `InputError` for what are none, and beyond ``bounds``."""
    _check(len(cells), MAX_IMAGES, bounds, "the request")
    files, num_bytes, num_pixels = [], 0, 0
    for number, cell in enumerate(cells):
        data = _bytes_of(cell, _name(number))
        _check(len(data) / MILLION, MAX_IMAGE_MB, bounds, _name(number))
        num_bytes += len(data)
        _check(num_bytes / MILLION, MAX_MB, bounds, "the request")
        header = decode_header(data, _name(number))
        pixels = header.height * header.width
        _check(pixels / MILLION, MAX_IMAGE_MEGAPIXELS, bounds, _name(number))
        num_pixels += pixels
        _check(num_pixels / MILLION, MAX_MEGAPIXELS, bounds, "the request")
        files.append(data)
    return files


def _name(number: int) -> str:
    return f"image {number} of the request"


def _check(value: float, bound: Bound, bounds: Mapping[Bound, int], what: str) -> None:
    if value > bounds[bound]:
        raise InputError(
            f"{what} is too large: {value:.6g}, allowed are {bounds[bound]} {bound.of}; send less at once, or raise "
            f"{bound.variable} where the server runs"
        )


def _bytes_of(cell: Any, name: str) -> bytes:
    """A file's bytes, given as such or as text in base64."""
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell)
    if not isinstance(cell, str):
        given = "null" if cell is None or cell is pd.NA or cell != cell else f"of type {type(cell).__name__}"
        raise InputError(f"{name} is {given}; {WANTED}")
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{name} is text that is no base64 ({error}; it begins {cell[:20]!r}); {WANTED}") from error


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
            input_example=pd.DataFrame({"image": [base64.b64encode(example).decode()]}),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            registered_model_name=registered_name,
        )
    return str(logged.model_uri)


mlflow.models.set_model(ServedDetector())
