"""Every reader of the project, what it is given, and what reading to the end means.

A reader reads all of it: a data set is opened, every example loaded, and what `prepare` writes is written; an image is
decoded; a table's masks are drawn.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd

import empaste.datasets.preparing as preparing
from empaste.artifacts.arrays import read_array, write_array
from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.classifier import TrainedClassifier, load_classifier, save_classifier
from empaste.artifacts.coco import coco_dataset, read_coco, write_coco
from empaste.artifacts.metrics import flatten, numbers, read_metrics
from empaste.artifacts.networks import save_network
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.segments import decode_segments, read_runs
from empaste.artifacts.shards import Shards, unpack, write_shards
from empaste.artifacts.tables import read_table, write_table
from empaste.artifacts.truth import GroundTruth, mask_truth
from empaste.datasets import DATASETS
from empaste.datasets.frames import frame_vote, with_frame
from empaste.datasets.voc_masks import instance_masks
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.detectors.models import classes_of
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.masks import decode_mask, rle_area_box_xywh
from empaste.networks.weights import build_network
from empaste.overlaps import mask_ious
from empaste.params import load_params
from empaste.photograph_files import find_photographs
from empaste.photographs import SIDES_SWAPPED, decode_header, read_header, read_indices, read_photograph
from empaste.presets import overrides, write_params
from empaste.rle import read_rle
from tests.datasets.layouts import settings_of
from tests.fuzz import inputs, layouts, users_files
from tests.fuzz.layouts import HEIGHT, MASK, WIDTH, Writer

LIBTIFF = r"^(\w+: |\w+\.tif+: |More samples per pixel|JPEGLib)"
"""How lines begin that libtiff, inside Pillow, writes to the standard error; the error that names the file follows."""
LIBJPEG = r"^(Corrupt JPEG data|Premature end of JPEG|Invalid SOS param|Unsupported marker|Inconsistent progression)"
"""How lines begin that libjpeg, inside OpenCV, writes to the standard error of damage that it mended or could not."""
SAID = r"^(WARNING: |captions: |backgrounds: )"
"""How lines begin in which a stage says what it left out, or where it looked."""
ROOT = Path(__file__).parents[2]
MAX_SIDE = 32


class Reader(NamedTuple):
    """What a reader is given (one of ``layouts``, damaged), how it reads a folder, and what it may say meanwhile."""

    layouts: tuple[Writer, ...]
    read: Callable[[Path, Path], None]
    notices: str = r"(?!)"

    def write(self, folder: Path, templates: Path, seed: int) -> None:
        """``folder`` holds the input that ``seed`` stands for; the first seeds stand for undamaged ones."""
        number = seed % len(self.layouts)
        files = inputs.template(self.layouts[number], templates / str(hash(self.layouts[number])))
        inputs.write(files if seed < len(self.layouts) else inputs.damaged(files, Random(seed)), folder)

    def expected_notice(self, line: str) -> bool:
        """Whether a line on the standard error belongs there."""
        return re.search(self.notices, line) is not None


def read_data_set(folder: Path, out: Path, name: str) -> None:
    """What the stage `prepare` does, image after image, and that its parts belong together."""
    source = settings_of(folder)
    data = preparing.subsample(DATASETS[name](source), 0, 0, 0)
    data = with_frame(data, [frame_vote(example) for example in data.examples], "auto")
    prepared = [preparing.write_example(example, data.load, MAX_SIDE, out) for example in data.examples]
    preparing.refuse_errors(prepared)
    said = [*data.warnings, *preparing.warnings_of(data, prepared)]
    images, classes = preparing.image_table(prepared), preparing.class_table(data)
    labels = preparing.label_table(prepared)
    try:
        write_table(images, out / "images.parquet", Images)
        write_table(labels, out / "labels.parquet", Labels)
        write_table(classes, out / "classes.parquet", Classes)
    except InputError as error:
        raise AssertionError(f"the tables are refused, not the input: {error}") from error
    for split in ("train", "val"):
        annotations = preparing.annotations_of(prepared, split)
        truth = coco_dataset(
            images[images["split"] == split], classes, annotations, "made", preparing.void_of(prepared)
        )
        write_coco(out / f"{split}.json", truth)
    "\n".join(said).encode(errors="backslashreplace")
    places = [(out / example.file_name).resolve() for example in data.examples]
    assert all(place.is_relative_to(out.resolve()) and place.is_file() for place in places)
    assert len(set(places)) == len(places)
    files = [example.path.stat().st_ino for example in data.examples if example.path]
    assert len(set(files)) == len(files), "one file is two images"
    assert set(labels["class_id"]) <= set(classes["class_id"])
    named = set(labels.itertuples(index=False, name=None))
    for row in prepared:
        assert row.class_ids or row.example.split == "val"
        for one in row.annotations:
            # Labels of a folder, and names in VOC's XML, may say less than the masks.
            assert name != "coco" or (row.example.image_id, one["category_id"]) in named, (
                "an instance without its label"
            )
            assert one["category_id"] in set(classes["class_id"])
            assert one["segmentation"]["size"] == [row.height, row.width]
            assert one["area"] > 0


def read_photographs(folder: Path, _out: Path) -> None:
    """Headers and pixels of all photographs, which agree with each other."""
    paths = find_photographs(folder)
    for path in paths:
        header = None
        with suppress(InputError):
            header = read_header(path)
        with suppress(InputError):
            assert decode_header(path.read_bytes(), str(path)) == header
        photograph = read_photograph(path)
        assert header is not None, "its pixels were read, its header was refused"
        size_hw = (header.height, header.width)
        upright = size_hw[::-1] if header.orientation in SIDES_SWAPPED else size_hw
        assert photograph.image.shape == (*upright, 3)
        assert photograph.image.dtype == np.uint8
        assert photograph.orientation == header.orientation
    if not paths:
        raise InputError("there is no photograph")


def read_mask_files(folder: Path, _out: Path) -> None:
    """Files of masks as VOC's: all instances of every pair."""
    classes = read_indices(folder / "classes.png")
    for path in sorted(folder.iterdir()):
        values = read_indices(path)
        if values.ndim == 2 and classes.ndim == 2 and values.dtype.kind in "biu" and classes.dtype.kind in "biu":
            for _, mask in instance_masks(values, classes, str(path), 20):
                assert mask.any()


def read_rles(folder: Path, _out: Path) -> None:
    """Run-length encodings, each drawn and measured."""
    content = json.loads((folder / "rles.json").read_bytes(), parse_int=_endless)
    found = [
        read_rle(one, (HEIGHT, WIDTH), "the mask") for one in (content if isinstance(content, list) else [content])
    ]
    for rle in found:
        area, _ = rle_area_box_xywh(rle)
        mask = decode_mask(rle)
        assert mask.shape == (HEIGHT, WIDTH)
        assert mask.sum() == area
    mask_ious(found, found)


def _endless(digits: str) -> int:
    return int(digits[:4000])


def read_rles_json(folder: Path, out: Path) -> None:
    try:
        read_rles(folder, out)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("the file that holds them is no JSON") from error


def read_tables(folder: Path, _out: Path) -> None:
    """A table by its schema; of segments also the masks."""
    for path in sorted(folder.iterdir()):
        table = read_table(path, layouts.TABLES[path.stem])
        if path.stem == "Segments":
            for _ in decode_segments(table, (HEIGHT, WIDTH), path):
                pass
            read_runs(table["counts"].tolist())


def write_arrays(root: Path) -> None:
    write_array(root / "phi.npy", np.arange(12, dtype=np.float32).reshape(3, 4))


def read_arrays(folder: Path, _out: Path) -> None:
    """An array of three rows, touched to its end."""
    array = read_array(folder / "phi.npy", 3, "segments.parquet", "features")
    assert len(array) == 3
    assert np.isfinite(np.asarray(array[-1], float)).size >= 0


def write_shard_folder(root: Path) -> None:
    image = np.full((12, 16, 3), 90, np.uint8)
    write_shards(root, ((f"{kind}/{number}.jpg", encode_rgb(image, ".jpg")) for kind in "ab" for number in range(2)))
    (root / "composites.json").write_text("{}")


def read_shards(folder: Path, out: Path) -> None:
    """All entries as images, and unpacked, in their place."""
    shards = Shards(folder)
    for name in shards:
        shards.read_rgb(name)
    unpack(folder, out / "unpacked")
    outside = [path for path in out.rglob("*") if not path.resolve().is_relative_to(out.resolve())]
    assert not outside
    assert {path.name for path in out.iterdir()} <= {"unpacked"}


def write_classifier(root: Path) -> None:
    import torch

    torch.manual_seed(0)
    network = build_network("resnet_slim", 4, None, 3, 32)
    classifier = TrainedClassifier(network.eval(), (2, 5, 9), 32)
    save_classifier(classifier, root, architecture="resnet_slim", width=4, class_names=["a", "b", "c"], epochs=4)


def read_classifier(folder: Path, _out: Path) -> None:
    load_classifier(folder)


def write_detector(root: Path) -> None:
    import torch

    torch.manual_seed(0)
    network = Network("resnet_slim", "standard", True, 4, 64, False, False)
    classes = [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}]
    module = BACKENDS["torchvision"].build(network, len(classes), None)
    save_network(module, root, {"backend": "torchvision", "classes": classes, **asdict(network)})


def read_detector(folder: Path, _out: Path) -> None:
    """The names of its classes, and the network, which looks at nothing."""
    assert all(isinstance(name, str) for name in classes_of(folder).values())
    load_detector(folder, DetectSettings(0.5, 10, batch_size=1, num_threads=1, device="cpu"))([])


def write_checkpoint(root: Path) -> None:
    import torch

    content = {"step": 3, "network": {"w": torch.zeros(4, 3)}, "losses": [0.1, 0.2], "rng": torch.get_rng_state()[:16]}
    save_checkpoint(root / "last.pt", content)
    save_checkpoint(root / "last.pt", content)


def read_checkpoint(folder: Path, _out: Path) -> None:
    """A checkpoint, or the one before, or none: with a notice, and never an error."""
    found = load_checkpoint(folder / "last.pt")
    if found is None:
        raise InputError("neither checkpoint can be read")
    assert isinstance(found, dict)


def write_metrics(root: Path) -> None:
    layouts.write_json(root / "train.json", {"loss": 0.25, "per_class": {"cat": 0.5, "C#": None}, "steps": 40})


def read_metric_file(folder: Path, _out: Path) -> None:
    numbers(flatten(read_metrics(folder / "train.json")))


def write_params_file(root: Path) -> None:
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())


def read_params(folder: Path, _out: Path) -> None:
    load_params(folder / "params.yaml")


def write_preset(root: Path) -> None:
    write_params_file(root)
    (root / "smoke.yaml").write_bytes((ROOT / "presets" / "smoke.yaml").read_bytes())


def read_preset(folder: Path, _out: Path) -> None:
    """A preset as overrides, and written into parameters, which are read again."""
    write_params([str(folder / "smoke.yaml")], [], folder / "params.yaml", folder)
    overrides([str(folder / "smoke.yaml")], [], folder, folder / "params.yaml")


def write_ground_truth(root: Path) -> None:
    rows = {
        "image_id": [1, 2],
        "split": ["val"] * 2,
        "file_name": ["a", "b"],
        "height": [HEIGHT] * 2,
        "width": [WIDTH] * 2,
    }
    classes = pd.DataFrame({"class_id": [1], "name": ["cat"], "supercategory": ["animal"]})
    from empaste.artifacts.coco import box_instance, instance
    from empaste.masks import encode_mask

    found = [instance(1, 1, 1, encode_mask(MASK)), box_instance(2, 2, 1, (5, 5, 10, 10), (HEIGHT, WIDTH), 0)]
    write_coco(root / "val.json", coco_dataset(pd.DataFrame(rows), classes, found, "made", {1: encode_mask(~MASK)}))


def read_ground_truth(folder: Path, _out: Path) -> None:
    """Ground truth that this project wrote, as masks are measured with it."""
    data = read_coco(folder / "val.json")
    truth = GroundTruth.of(mask_truth(data))
    for row in data["images"]:
        for one in truth.annotated(row["id"]):
            decode_mask(one.mask_rle)


READERS: dict[str, Reader] = {
    "coco": Reader(
        (layouts.coco_published, layouts.coco_beside, layouts.coco_whole), partial(read_data_set, name="coco")
    ),
    "folder": Reader(
        (
            layouts.folder_plain,
            layouts.folder_with_classes,
            layouts.folder_with_truth,
            layouts.folder_with_left_out,
        ),
        partial(read_data_set, name="folder"),
    ),
    "voc": Reader(
        (layouts.voc_published, layouts.voc_boxes, layouts.voc_coloured, layouts.voc_beside),
        partial(read_data_set, name="voc"),
    ),
    "photographs": Reader(tuple(layouts.photographs()), read_photographs, LIBTIFF),
    "mask_files": Reader((layouts.masks,), read_mask_files),
    "rles": Reader((layouts.rles,), read_rles_json),
    "tables": Reader(tuple(layouts.table_writers()), read_tables),
    "arrays": Reader((write_arrays,), read_arrays),
    "shards": Reader((write_shard_folder,), read_shards, LIBJPEG),
    "classifier": Reader((write_classifier,), read_classifier),
    "detector": Reader((write_detector,), read_detector),
    "checkpoints": Reader((write_checkpoint,), read_checkpoint, r"is not a readable checkpoint"),
    "metrics": Reader((write_metrics,), read_metric_file),
    "params": Reader((write_params_file,), read_params),
    "presets": Reader((write_preset,), read_preset),
    "ground_truth": Reader((write_ground_truth,), read_ground_truth),
    "coco_results": Reader((users_files.results, users_files.results_by_name), users_files.read_results),
    "foregrounds": Reader((users_files.foregrounds,), users_files.read_foregrounds),
    "foreground_decisions": Reader((users_files.foreground_decisions,), users_files.read_foreground_decisions_again),
    "label_decisions": Reader((users_files.label_decisions,), users_files.read_label_decisions_again),
    "captions": Reader(
        (users_files.captions_csv, users_files.captions_tsv, users_files.captions_coco, users_files.captions_list),
        users_files.read_captions,
        SAID,
    ),
    "backgrounds": Reader(
        (users_files.backgrounds_csv, users_files.backgrounds_coco), users_files.read_backgrounds, SAID
    ),
    "mat_files": Reader((users_files.mat5, users_files.mat5_masks, users_files.mat73), users_files.read_mat),
}
"""Readers by the names that the command takes."""
