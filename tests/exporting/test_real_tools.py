"""Other tools' own loaders open what is exported; a tool that is not installed is skipped with how to install it.

Heavy tools belong into an environment of their own; docs/exporting.md says which of them opened what, and when.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.exporting.reading import Places
from empaste.exporting.writing import export_data_set
from empaste.layout import HERE
from tests.exporting.scenes import HEIGHT, NAMES, OVER, PIXEL, RING, TWO, WIDTH, block, written_set

FILLED = block(2, 2, 9, 9)
EXACT = (RING, OVER, TWO, PIXEL)
PAINTED = (RING & ~OVER, OVER, TWO, PIXEL)


def tool(module: str, package: str) -> Any:
    return pytest.importorskip(module, reason=f"{module} is not installed: uv pip install {package}")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small set in every format."""
    tmp_path = tmp_path_factory.mktemp("exports")
    file, folder = written_set(tmp_path)
    for format_name in ("coco", "voc", "yolo", "lvis", "cvat", "labelstudio", "fiftyone"):
        places = Places(HERE, file, folder)
        export_data_set("pseudo-labels", tmp_path / format_name, format_name, places, images="copy", min_score=0.0,
                        tell=print)  # fmt: skip
    return tmp_path


def assert_all_found(found: list[np.ndarray], wanted: tuple[np.ndarray, ...]) -> None:
    assert len(found) == len(wanted)
    for mask in wanted:
        assert any(np.array_equal(one, mask) for one in found)


def test_supervision(root: Path) -> None:
    sv = tool("supervision", "supervision")
    coco = sv.DetectionDataset.from_coco(
        str(root / "coco/images"), str(root / "coco/annotations/instances_default.json"), force_masks=True
    )
    assert coco.classes == list(NAMES)
    assert_all_found([mask for _, _, found in coco for mask in (found.mask if len(found) else [])], EXACT)
    yolo = sv.DetectionDataset.from_yolo(
        str(root / "yolo/images/train"), str(root / "yolo/labels/train"), str(root / "yolo/data.yaml"), force_masks=True
    )
    assert yolo.classes == list(NAMES)
    masks = [mask for _, _, found in yolo for mask in (found.mask if len(found) else [])]
    assert sum(np.array_equal(mask, FILLED) or np.array_equal(mask, OVER) for mask in masks) == 2
    voc = sv.DetectionDataset.from_pascal_voc(str(root / "voc/JPEGImages"), str(root / "voc/Annotations"))
    assert sum(len(found) for _, _, found in voc) == 4


@pytest.mark.parametrize(
    ("folder", "format_name", "wanted"),
    [("coco", "coco_instances", EXACT), ("voc", "voc_segmentation", PAINTED), ("cvat", "cvat", EXACT)],
)
def test_datumaro(root: Path, folder: str, format_name: str, wanted: tuple[np.ndarray, ...]) -> None:
    data = tool("datumaro", "datumaro").Dataset.import_from(str(root / folder), format_name)
    masks = [np.asarray(one.image, bool) for item in data for one in item.annotations if one.type.name == "mask"]
    assert_all_found(masks, wanted)


def test_lvis(root: Path) -> None:
    data = tool("lvis", "lvis").LVIS(str(root / "lvis/lvis.json"))
    assert_all_found([data.ann_to_mask(row).astype(bool) for row in data.load_anns(data.get_ann_ids())], EXACT)


def test_ultralytics(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    tool("ultralytics", "ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset, polygon2mask

    content = check_det_dataset(str(root / "yolo/data.yaml"))
    data = YOLODataset(img_path=content["train"], data=content, task="segment", augment=False, cache=False)
    assert content["names"] == dict(enumerate(NAMES))
    assert len(data.labels) == 3
    polygons = [segment * (WIDTH, HEIGHT) for one in data.labels for segment in one["segments"]]
    masks = [polygon2mask((HEIGHT, WIDTH), [points.ravel()], 1, 1).astype(bool) for points in polygons]
    assert len(masks) == 4
    assert sum(np.array_equal(mask, wanted) for mask in masks for wanted in (FILLED, OVER, PIXEL)) == 3


def test_label_studio_converter(root: Path) -> None:
    brush = tool("label_studio_converter.brush", "label-studio-converter")
    tasks = json.loads((root / "labelstudio/tasks.json").read_text())
    regions = [region for task in tasks for one in task.get("predictions", ()) for region in one["result"]]
    codes = [brush.decode_rle(region["value"]["rle"]) for region in regions]
    assert_all_found([np.reshape(code, (HEIGHT, WIDTH, 4))[..., 3] > 0 for code in codes], EXACT)


def test_fiftyone(root: Path) -> None:
    coco = tool("fiftyone.utils.coco", "fiftyone")
    importer = coco.COCODetectionDatasetImporter(dataset_dir=str(root / "fiftyone"), label_types="segmentations")
    importer.setup()
    found = {}
    for _, (path, _, labels) in zip(range(len(importer)), importer, strict=False):
        shown = labels["segmentations"] if isinstance(labels, dict) else labels
        found[Path(path).name] = [] if shown is None else shown.detections
    sizes = {name: sorted(int(one.mask.sum()) for one in shown) for name, shown in found.items()}
    assert sizes == {"a.jpg": [48, 72], "b c.png": [1, 49], "none.jpg": []}
    assert sorted(one.confidence for shown in found.values() for one in shown) == [0.25, 0.5, 0.8, 0.9]
