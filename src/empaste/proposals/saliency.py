"""Salience maps by a network in ONNX: how surely each pixel belongs to what stands out, from 0 to 1.

The networks are those of salient-object detection, dichotomous segmentation and matting. They take one image, stretched
to the size that they learned with, and give one map of it. What lies in a file beyond that (further outputs) is not
looked at.
"""

from typing import Annotated, Any, Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from empaste.errors import InputError, first_line, require_extra
from empaste.settings import Count, FileName, Positive, PositiveFloat, Settings

KEY = "proposals.cutout.model"
FORM = "one image of float32, 1 × 3 × height × width"
MAX_EXCESS = 1e-3
"""By which a map may leave [0, 1]: rounding."""


class SalienceNetwork(Settings):
    """An ONNX file, what its input and its output mean, and how it runs."""

    model: FileName
    input_size: Positive
    mean: Annotated[list[float], Field(min_length=3, max_length=3)]
    std: Annotated[list[PositiveFloat], Field(min_length=3, max_length=3)]
    activation: Literal["none", "sigmoid", "min_max"]
    num_threads: Count


class LoadedNetwork(NamedTuple):
    """A session of onnxruntime, the names of its input and first output, and the size of its input."""

    session: Any
    input: str
    output: str
    size_hw: tuple[int, int]


def salience_map(
    network: LoadedNetwork, image: UInt8[np.ndarray, "h w 3"], settings: SalienceNetwork, file_name: str
) -> Float[np.ndarray, "h w"]:
    """The map of ``image``, in [0, 1], by the ``network`` of ``settings``; ``file_name`` is what errors call the image.

    `InputError` where the network fails on the image, its map holds NaN or infinity, or values outside [0, 1] remain
    after the ``activation``.
    """
    try:
        (output,) = network.session.run([network.output], {network.input: _as_input(image, settings, network.size_hw)})
    except _runtime_errors() as error:
        raise InputError(
            f"{KEY}, {settings.model}, fails on {file_name} ({first_line(error)}); if its input size is dynamic, set "
            "proposals.cutout.input_size to the size that it learned with"
        ) from error
    values = _activated(_as_map(output, settings, file_name), settings.activation)
    low, high = float(values.min()), float(values.max())
    if low < -MAX_EXCESS or high > 1 + MAX_EXCESS:
        raise InputError(
            f"{KEY}, {settings.model}, gives {file_name} values from {low:.3g} to {high:.3g}, a map has values from 0 "
            "to 1; set proposals.cutout.activation to sigmoid where it gives logits, to min_max for U²-Net"
        )
    height, width = image.shape[:2]
    return cv2.resize(values.clip(0, 1), (width, height), interpolation=cv2.INTER_LINEAR)


def load_network(settings: SalienceNetwork) -> LoadedNetwork:
    """The network in the file ``model``, on the CPU; ``input_size`` holds where the file leaves the size open.

    `InputError` where onnxruntime is not installed, the file cannot be loaded, or it does not take one image.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise require_extra("onnxruntime", "cutout") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.num_threads
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # what goes wrong is raised, too
    model = str(settings.model)
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _runtime_errors() as error:
        raise InputError(
            f"{KEY} is {model!r}, which is no ONNX file that can be loaded ({first_line(error)}); "
            "docs/proposals.md says where to get one"
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if not _takes_an_image(inputs):
        raise InputError(
            f"{KEY}, {model}, takes {_described(inputs)} and gives {_described(outputs)}; it must take {FORM}, and "
            "give one map of it: export it in this form"
        )
    height, width = (side if isinstance(side, int) else settings.input_size for side in inputs[0].shape[2:])
    return LoadedNetwork(session, inputs[0].name, outputs[0].name, (height, width))


def _takes_an_image(inputs: list[Any]) -> bool:
    """Whether there is one input of the form `FORM`; a side without a number may have any."""
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        return False
    fixed = [side if isinstance(side, int) else None for side in inputs[0].shape]
    return fixed[0] in (1, None) and fixed[1] in (3, None) and 0 not in fixed


def _as_input(
    image: UInt8[np.ndarray, "h w 3"], settings: SalienceNetwork, size_hw: tuple[int, int]
) -> Float[np.ndarray, "1 3 h2 w2"]:
    """The image stretched to ``size_hw``, less the mean, over the standard deviation."""
    larger = image.shape[0] * image.shape[1] > size_hw[0] * size_hw[1]
    stretched = cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_AREA if larger else cv2.INTER_LINEAR)
    mean, std = np.array(settings.mean, np.float32), np.array(settings.std, np.float32)
    values = (stretched.astype(np.float32) / 255 - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def _as_map(output: Any, settings: SalienceNetwork, file_name: str) -> Float[np.ndarray, "h w"]:
    """The network's first output without its axes of length 1; `InputError` where it is no map of finite numbers."""
    values = np.asarray(output).squeeze()
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        shape = " × ".join(map(str, np.shape(output))) or "a single value"
        raise InputError(
            f"{KEY}, {settings.model}, gives {shape} of {values.dtype} first, which is no map of the image; it must "
            "give 1 × 1 × height × width of float: export the map as its first output"
        )
    if not np.isfinite(values).all():
        bad = np.count_nonzero(~np.isfinite(values))
        raise InputError(
            f"{KEY}, {settings.model}, gives {file_name} NaN or infinity in {bad:,} of {values.size:,} pixels; see "
            "that proposals.cutout.mean and std are those of the model, or use a file in float32"
        )
    return values.astype(np.float32)


def _activated(values: Float[np.ndarray, "h w"], activation: str) -> Float[np.ndarray, "h w"]:
    """The map as it is, of logits, or stretched over [0, 1]; stretched, a flat map is 0 everywhere."""
    from scipy.special import expit

    if activation == "sigmoid":
        return np.asarray(expit(values))
    if activation == "min_max":
        low, span = values.min(), np.ptp(values)
        return (values - low) / span if span else np.zeros_like(values)
    return values


def _described(tensors: list[Any]) -> str:
    """Name, shape and type of each: ``image (1 × 3 × 320 × 320 of tensor(float))``."""
    shapes = [" × ".join(str(side) if side is not None else "?" for side in one.shape) for one in tensors]
    return ", ".join(f"{one.name} ({shape} of {one.type})" for one, shape in zip(tensors, shapes, strict=True))


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: exceptions of its own, which have nothing above them but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = ("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile",
           "NotImplemented", "RuntimeException")  # fmt: skip
    return (*(getattr(state, name) for name in own), RuntimeError, ValueError)
