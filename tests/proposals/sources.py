"""What each proposal source needs, in miniature: the files and models that a user would have."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from empaste.proposals.method import Context, Method, Section, Segments
from empaste.proposals.settings import ProposalsSettings
from empaste.settings import load_settings

LENIENT = {"min_stability": 0.0, "max_box_iou": 1.0}

FILE_NAME = "2007_000032.jpg"
"""The image that the files of `prepare` are about; its id is 1."""


SHIPPED = load_settings(Path(__file__).parents[2] / "params.yaml", "proposals", ProposalsSettings)


def section_of(method: Method[Section], **changes: Any) -> Section:
    """The shipped section of ``method``, but for ``changes``."""
    return method.section(SHIPPED).model_copy(update=changes)


def context_of(image_id: int = 1, file_name: str = FILE_NAME, **changes: Any) -> Context:
    """What a method is told of one image: the shipped settings, but for ``changes``."""
    return Context(SHIPPED.model_copy(update=changes), image_id, file_name)


def propose(
    method: Method[Section], image: UInt8[np.ndarray, "h w 3"], section: Section, context: Context | None = None
) -> Segments:
    """What ``method`` finds with its parameters ``section``, its network loaded for this image alone."""
    load = partial(method.load, section) if method.load else None
    return method.propose(image, section, (context or context_of())._replace(load=load))


def prepare(method: str, folder: Path, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    """Make in ``folder`` what ``method`` needs to see ``image``; returns what its section of the parameters says."""
    return _PREPARED[method](folder, image) if method in _PREPARED else {}


def cell_array(items: Sequence[Any]) -> np.ndarray:
    """A column of anything, as MATLAB's cell arrays are."""
    cells = np.empty((len(items), 1), object)
    for row, item in enumerate(items):
        cells[row, 0] = item
    return cells


def checkerboard(height: int, width: int) -> Int[np.ndarray, "h w"]:
    """A partition into at most nine labels, from 1, each of them there."""
    rows, columns = (np.minimum(3 * np.arange(side) // side, side - 1) for side in (height, width))
    _, labels = np.unique(3 * rows[:, None] + columns, return_inverse=True)
    return (labels.reshape(height, width) + 1).astype(np.uint16)


def proposals_of(superpixels: Int[np.ndarray, "h w"]) -> dict[str, Any]:
    """The published fields: every superpixel, all of them, and one of them again; the last is the best."""
    names = [np.array([[label]], np.uint32) for label in np.unique(superpixels)]
    everything = np.unique(superpixels)[None].astype(np.uint32)
    labels = [*names, everything, names[0]]
    scores = np.linspace(-0.4, 1.3, len(labels))[:, None]
    return {"superpixels": superpixels, "labels": cell_array(labels), "scores": scores}


def write_mat5(path: Path, fields: dict[str, Any]) -> None:
    from scipy.io import savemat

    savemat(path, fields, do_compression=True)


def write_mat73(path: Path, fields: dict[str, Any]) -> None:
    """The file that MATLAB's ``save -v7.3`` writes: HDF5 behind 512 bytes, axes reversed, cells as references."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in fields.items():
            _store(file, file, name, value)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))


def _store(file: Any, group: Any, name: str, value: Any) -> Any:
    import h5py

    if isinstance(value, dict):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, inner in value.items():
            _store(file, struct, key, inner)
        return struct
    if value.dtype == object:
        cells = group.create_dataset(name, value.T.shape, h5py.ref_dtype)
        for index, inner in np.ndenumerate(value.T):
            cells[index] = _store(file, file.require_group("#refs#"), f"{name}{index}", inner).ref
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        return cells
    stored = group.create_dataset(name, data=value.T if value.size else np.array(value.shape, np.uint64))
    stored.attrs["MATLAB_class"] = np.bytes_(str(value.dtype))
    if not value.size:
        stored.attrs["MATLAB_empty"] = np.uint8(1)
    return stored


def _mcg(folder: Path, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    write_mat5((folder / FILE_NAME).with_suffix(".mat"), proposals_of(checkerboard(*image.shape[:2])))
    return {"root": str(folder)}


def _cob(folder: Path, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    write_mat73((folder / FILE_NAME).with_suffix(".mat"), {"proposals": proposals_of(checkerboard(*image.shape[:2]))})
    return {"root": str(folder)}


def _coco_results(folder: Path, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    from empaste.masks import encode_mask

    labels = checkerboard(*image.shape[:2])
    rows = [
        {"image_id": 1, "segmentation": encode_mask(labels == label), "score": 0.1 * int(label)}
        for label in np.unique(labels)
    ]
    # A new name per file, since a file is read once.
    file = folder / f"{image.shape[0]}x{image.shape[1]}.json"
    file.write_text(json.dumps(rows))
    return {"file": str(file)}


def _prompted(method: str) -> Callable[..., dict[str, Any]]:
    """Random weights know no quality, so every mask passes."""

    def make(folder: Path, _image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
        from tests.proposals import tiny_segmenters

        model = getattr(tiny_segmenters, f"save_{method}")(folder)
        return {"model": str(model), "points_per_side": 4, "points_per_batch": 6, "min_quality": 0.0, **LENIENT}

    return make


def _mask2former(folder: Path, _image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    from tests.proposals.tiny_segmenters import save_mask2former

    return {"model": str(save_mask2former(folder)), "min_score": 0.0}


def _entity(folder: Path, _image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    import pytest

    from tests.proposals.tiny_entity import save_entity

    pytest.importorskip("detectron2", reason="detectron2 is not installed")
    return save_entity(folder)


def _cutout(folder: Path, _image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    from tests.proposals.tiny_salience import RAW, save_redness

    model = save_redness(folder / "red.onnx", (32, 32), after=["Relu"])
    return RAW | {"model": str(model), "levels": [0.1, 0.3], "num_threads": 1}


def _joined(_folder: Path, _image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Any]:
    return {"methods": ["felzenszwalb", "slic"]}


_PREPARED = {
    "mcg": _mcg,
    "cob": _cob,
    "coco_results": _coco_results,
    "sam": _prompted("sam"),
    "sam2": _prompted("sam2"),
    "sam3": _prompted("sam3"),
    "mask2former": _mask2former,
    "entity": _entity,
    "cutout": _cutout,
    "joined": _joined,
}
