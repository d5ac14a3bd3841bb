"""What other programs write for single stages: segments, foregrounds, captions, labels of backgrounds, MATLAB files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    read_foreground_decisions,
    write_foreground_decisions,
)
from empaste.artifacts.image_keys import NamedImage
from empaste.artifacts.label_decisions import LabelDecision, read_label_decisions, write_label_decisions
from empaste.backgrounds.random_folder import open_source
from empaste.backgrounds.scenes import Scene as Ground
from empaste.captions.caption_file import caption_scenes
from empaste.captions.captioner import Context
from empaste.captions.scenes import Scene
from empaste.masks import decode_mask, encode_mask
from empaste.paste.foreground_file import read_foreground_file
from empaste.proposals import coco_results, mat_files
from tests.backgrounds.settings import settings_with as background_settings
from tests.captions.settings import settings_with
from tests.fuzz.layouts import HEIGHT, MASK, WIDTH, coco_content, photo, write_json
from tests.proposals.sources import checkerboard, context_of, proposals_of, section_of, write_mat5, write_mat73

IMAGES = pd.DataFrame(
    {
        "image_id": [1, 2, 3],
        "split": ["train", "train", "val"],
        "file_name": ["train/a.jpg", "train/7.jpg", "val/c.jpg"],
        "height": [HEIGHT] * 3,
        "width": [WIDTH] * 3,
    }
)
LABELS = pd.DataFrame({"image_id": [1, 2, 2, 3], "class_id": [1, 1, 2, 1]})
CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["cat", "car"], "supercategory": ["animal", "vehicle"]})
NAMED = [NamedImage(*row) for row in IMAGES[["image_id", "file_name", "split"]].itertuples(index=False, name=None)]
FILE_NAMES = dict(zip(IMAGES["image_id"], IMAGES["file_name"], strict=True))


def results(root: Path) -> None:
    """A results file by ids, its masks in both encodings."""
    runs = [5 * HEIGHT, 300, HEIGHT * WIDTH - 5 * HEIGHT - 300]
    masks: tuple[Any, ...] = (
        dict(encode_mask(MASK)),
        {"size": [HEIGHT, WIDTH], "counts": runs},
        dict(encode_mask(~MASK)),
    )
    rows = [
        {"image_id": 1 + k % 2, "category_id": 1, "segmentation": mask, "score": 0.25 * k}
        for k, mask in enumerate(masks)
    ]
    write_json(root / "results.json", rows)


def results_by_name(root: Path) -> None:
    results(root)
    rows = json.loads((root / "results.json").read_text())
    write_json(root / "results.json", [{**row, "image_id": ("a.jpg", "7.jpg")[k % 2]} for k, row in enumerate(rows)])


def read_results(folder: Path, _out: Path) -> None:
    """The segments of both training images."""
    section = section_of(coco_results.METHOD, file=str(folder / "results.json"), num_best=10)
    coco_results.read_results.cache_clear()
    keys, _ = coco_results.match_images(NAMED, section)
    for image_id in (1, 2):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        context = context_of(image_id, FILE_NAMES[image_id])._replace(keys=keys)
        masks, scores = coco_results.propose(image, section, context)
        assert masks.shape[1:] == (HEIGHT, WIDTH)
        assert len(masks) == len(scores)
        assert masks.any(axis=(1, 2)).all()


def foregrounds(root: Path) -> None:
    write_json(root / "foregrounds.json", coco_content(1, ["a.jpg", "7.jpg"]))


def read_foregrounds(folder: Path, _out: Path) -> None:
    """Every foreground's mask, of the size of its image."""
    found = read_foreground_file(folder / "foregrounds.json", IMAGES, LABELS, CLASSES)
    for one in found.foregrounds:
        mask = decode_mask(one.mask_rle)
        assert mask.shape == (HEIGHT, WIDTH)
        assert mask.any()
        assert one.confidence is None or 0 <= one.confidence <= 1


def foreground_decisions(root: Path) -> None:
    mask, other, empty = (encode_mask(one) for one in (MASK, ~MASK, MASK & ~MASK))
    made = [
        ForegroundDecision("train/a.jpg", "cat", "keep", mask),
        ForegroundDecision("train/a.jpg", "cat", "reject", other),
        ForegroundDecision("train/7.jpg", "car", "mend", other, mask),
        *(ForegroundDecision("train/7.jpg", "cat", "mend", empty, mask, instance) for instance in (0, 1)),
    ]
    write_foreground_decisions(root / "foregrounds.json", made)


def read_foreground_decisions_again(folder: Path, out: Path) -> None:
    """Every mask is one; what is read is written as it can be read again."""
    made = read_foreground_decisions(folder / "foregrounds.json")
    for one in made:
        assert decode_mask(one.mask).shape == tuple(one.mask["size"])
        assert one.mended is None or decode_mask(one.mended).any()
        assert decode_mask(one.mask).any() or one.mended is not None
        assert not one.instance or not decode_mask(one.mask).any()
    write_foreground_decisions(out / "again.json", made)
    assert read_foreground_decisions(out / "again.json") == sorted(made, key=lambda one: one.key)


def label_decisions(root: Path) -> None:
    made = [LabelDecision("train/a.jpg", "cat, black", "added"), LabelDecision("train/7.jpg", "car", "removed")]
    write_label_decisions(root / "labels.csv", made)


def read_label_decisions_again(folder: Path, out: Path) -> None:
    """What is read is written as it can be read again."""
    made = read_label_decisions(folder / "labels.csv")
    write_label_decisions(out / "again.csv", made)
    assert read_label_decisions(out / "again.csv") == sorted(made)


CAPTIONS = 'file_name,caption\na.jpg,a cat on grass\n7.jpg,"a car, red"\n7.jpg,two cars\n'


def captions_csv(root: Path) -> None:
    (root / "captions.csv").write_text(CAPTIONS)


def captions_tsv(root: Path) -> None:
    (root / "captions.tsv").write_text("image_id\ttext\n1\ta cat on grass\n2\ta red car\n")


def captions_coco(root: Path) -> None:
    rows = [{"image_id": 1, "id": 5, "caption": "a cat on grass"}, {"image_id": 2, "id": 6, "caption": "a red car"}]
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "7.jpg"}]
    write_json(root / "captions.json", {"images": images, "annotations": rows})


def captions_list(root: Path) -> None:
    write_json(root / "captions.json", [{"image_id": 1, "caption": "a cat"}, {"image_id": 2, "caption": "a car"}])


def read_captions(folder: Path, _out: Path) -> None:
    """Captions of both training images."""
    scenes = [Scene(1, Path("train/a.jpg"), (("cat", "animal"),)), Scene(2, Path("train/7.jpg"), (("car", "vehicle"),))]
    file = next(iter(sorted(folder.iterdir())))
    for lines in caption_scenes(scenes, settings_with(per_image=5, seed=0, file=str(file)), Context(NAMED)):
        assert all(isinstance(line, str) and line.strip() == line and line for line in lines)


def backgrounds_csv(root: Path) -> None:
    for name in ("a.jpg", "sub/b.png", "c.gif", "d.jpg"):
        photo(root / name)
    (root / "labels.csv").write_text("file,label\na.jpg,cat\nsub/b.png,tree;sky\nc.gif,lake\n")


def backgrounds_coco(root: Path) -> None:
    for name in ("a.jpg", "sub/b.png"):
        photo(root / "images" / name)
    write_json(root / "annotations/instances.json", coco_content(1, ["images/a.jpg", "images/sub/b.png"]))
    photo(root / "images/c.jpg")


def read_backgrounds(folder: Path, _out: Path) -> None:
    """Images for one scene, drawn from those that show no target class."""
    source = open_source(background_settings(per_caption=2, retries=3, seed=0, root=str(folder)), ["cat"])
    scene = Ground(1, Path("train/a.jpg"), HEIGHT, WIDTH)
    for made in source.make([scene]):
        assert all(one.image.shape == (HEIGHT, WIDTH, 3) for one in made.candidates)


def mat5(root: Path) -> None:
    write_mat5(root / "a.mat", proposals_of(checkerboard(HEIGHT, WIDTH)))


def mat5_masks(root: Path) -> None:
    cells = np.empty((2, 1), object)
    cells[0, 0], cells[1, 0] = MASK.astype(np.uint8), (~MASK).astype(np.uint8)
    write_mat5(root / "a.mat", {"maskmat": cells})


def mat73(root: Path) -> None:
    write_mat73(root / "a.mat", proposals_of(checkerboard(HEIGHT, WIDTH)))


def read_mat(folder: Path, out: Path) -> None:
    """The proposals of one image."""
    shutil.copytree(folder, out / "mat", symlinks=True)  # each input lies in a folder of its own
    masks, scores = mat_files.read_proposals(out / "mat", "a.jpg", (HEIGHT, WIDTH), 50, "proposals.mcg.root")
    assert masks.shape[1:] == (HEIGHT, WIDTH)
    assert masks.dtype == bool
    assert len(masks) == len(scores)
