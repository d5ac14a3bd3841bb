"""How long one core takes from a composite's file to what the detector trains on, beside torchvision's own transforms.

    python -m benchmarks.detector_data                                     # on images that it draws itself
    python -m benchmarks.detector_data --images DIR --instances FILE.json  # on photographs with COCO instances

Large-scale jittering to 1024 × 1024 pixels, zoom 0.1 to 2.0, a flip, brightness and contrast: from a JPEG in a shard
and RLE masks to tensors with boxes. The peer is the "lsj" recipe of torchvision's detection references by its newer
transforms, on the same bytes and masks; images are read by Pillow, as there, and `RandomCrop` stands for the older
`FixedSizeCrop`. Milliseconds of CPU time per sample, each side's best of rounds that they take in turns, every round
with the same views; our parts are timed apart from the whole, which also lets go of the memory. The last line is one
JSON object.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import typer
from PIL import Image
from pycocotools import mask as coco_mask
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from benchmarks.paste import draw_images, ragged
from empaste.artifacts.coco import instance, read_coco
from empaste.artifacts.coco_records import Annotation, ImageRecord
from empaste.artifacts.json_files import read_json
from empaste.artifacts.shards import Shards, write_shards
from empaste.detectors.composites import open_composites
from empaste.detectors.tensors import image_tensor, target_tensors
from empaste.devices import limit_threads
from empaste.images import GRAY, encode_rgb
from empaste.jittering import (
    BRIGHTNESS,
    CONTRAST,
    Sample,
    augment,
    draw_view,
    frame_image,
    frame_masks,
    recolour,
)
from empaste.masks import decode_masks, encode_mask
from empaste.paste.foregrounds import annotated_instances
from empaste.rle import RLE

JITTER = (0.1, 2.0)
QUALITY = 90
FURTHER = 3
"""Objects in a drawn image beside the three that it comes with."""
BAR_MS = 40.0
PARTS = ("decode image", "decode masks", "zoom image", "zoom masks", "recolour", "boxes and tensors")

Item = tuple[bytes, list[RLE]]
Timed = Callable[[int], dict[str, float]]
"""Seconds of CPU time that the k-th view took, by part; the views take the images in turns."""


def main(
    images: Path | None = None,
    instances: Path | None = None,
    num_images: int = 64,
    rounds: int = 4,
    per_round: int = 256,
    size: int = 1024,
) -> None:
    """Make training samples by our loader, by its parts and by torchvision's, in turns, and print what they took."""
    limit_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        items = list(drawn(num_images) if images is None else photographs(images, instances, num_images))
        num_instances = sum(len(rles) for _, rles in items) / len(items)
        write_data_set(Path(folder), items)
        print(f"{len(items)} images, {num_instances:.1f} instances in each")
        sides = {
            "ours": at_once(our_samples(Path(folder), size)),
            "parts": our_parts(Path(folder), size),
            "peer": at_once(peer_samples(Path(folder), size)),
        }
        best = in_turns(sides, rounds, per_round)
    for side, spent in best.items():
        print(side, *(f"{name} {milliseconds:.2f}" for name, milliseconds in spent.items()), sep=", ")
    ours, theirs = best["ours"]["all"], best["peer"]["all"]
    figures = {"ms_per_sample": ours, "peer_ms_per_sample": theirs, "ratio": ours / theirs, "bar_ms": BAR_MS}
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps(rounded | {"parts": {name: round(value, 3) for name, value in best["parts"].items()}}))


def in_turns(sides: dict[str, Timed], rounds: int, per_round: int) -> dict[str, dict[str, float]]:
    """Milliseconds per sample and part in each side's best round, by the whole of the round."""
    best: dict[str, dict[str, float]] = {}
    for number in range(-1, rounds):  # the first round warms up
        for side, timed in sides.items():
            samples = [timed(k) for k in range(per_round if number >= 0 else min(8, per_round))]
            spent = {name: 1000 * sum(sample[name] for sample in samples) / len(samples) for name in samples[0]}
            if number == 0 or (number > 0 and sum(spent.values()) < sum(best[side].values())):
                best[side] = spent
    return best


def at_once(make: Callable[[int], object]) -> Timed:
    """``make`` timed as a whole, with letting go of what it made."""

    def timed(number: int) -> dict[str, float]:
        started = time.process_time()
        make(number)
        return {"all": time.process_time() - started}

    return timed


def our_samples(folder: Path, size: int) -> Callable[[int], object]:
    """Our loader as training calls it where the composites do not fit into memory."""
    data = open_composites(folder, memory_limit=0)

    def make(number: int) -> tuple[Tensor, dict[str, Tensor]]:
        sample = data.load(number % len(data.image_ids))
        view = augment(sample, size, JITTER, np.random.default_rng(number))
        return image_tensor(view.image), target_tensors(view)

    return make


def our_parts(folder: Path, size: int) -> Timed:
    """The same views of the same images, step by step."""
    shards, rows = Shards(folder), data_set_rows(folder)

    def timed(number: int) -> dict[str, float]:
        clock = [time.process_time()]
        name, rles = rows[number % len(rows)]
        image = shards.read_rgb(name)
        clock.append(time.process_time())
        masks = decode_masks(rles).view(np.uint8)
        clock.append(time.process_time())
        frame, colours = draw_view(image.shape[:2], size, JITTER, np.random.default_rng(number))
        canvas = frame_image(image, frame)
        clock.append(time.process_time())
        seen, visible = frame_masks(masks, frame)
        clock.append(time.process_time())
        coloured = recolour(canvas, *colours)
        clock.append(time.process_time())
        _tensors = image_tensor(coloured), target_tensors(Sample(coloured, seen, np.ones(len(visible), np.int64)))
        clock.append(time.process_time())
        return dict(zip(PARTS, np.diff(clock).tolist(), strict=True))

    return timed


def peer_samples(folder: Path, size: int) -> Callable[[int], object]:
    """torchvision's transforms on what Pillow and pycocotools give."""
    shards, rows = Shards(folder), data_set_rows(folder)
    transform = v2.Compose([
        v2.ScaleJitter((size, size), JITTER, antialias=True),
        v2.RandomCrop((size, size), pad_if_needed=True, fill={tv_tensors.Image: GRAY, "others": 0}),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomApply([v2.ColorJitter(brightness=BRIGHTNESS)], 0.5),
        v2.RandomApply([v2.ColorJitter(contrast=CONTRAST)], 0.5),
        v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
        v2.SanitizeBoundingBoxes(),
        v2.ToPureTensor(),
    ])  # fmt: skip

    def make(number: int) -> tuple[Tensor, dict[str, Tensor]]:
        torch.manual_seed(number)
        name, rles = rows[number % len(rows)]
        changed: tuple[Tensor, dict[str, Tensor]] = transform(*as_tv_tensors(shards.read(name), rles))
        return changed

    return make


def as_tv_tensors(data: bytes, rles: list[RLE]) -> tuple[tv_tensors.Image, dict[str, Tensor]]:
    """An image and its targets as torchvision's transforms take them."""
    image = v2.functional.to_image(Image.open(BytesIO(data)).convert("RGB"))
    masks = torch.from_numpy(np.stack([coco_mask.decode(rle) for rle in rles]))
    boxes = torch.from_numpy(coco_mask.toBbox(rles))
    boxes = tv_tensors.BoundingBoxes(boxes, format="XYWH", canvas_size=tuple(image.shape[-2:]))
    labels = torch.ones(len(rles), dtype=torch.int64)
    return image, {"boxes": boxes, "masks": tv_tensors.Mask(masks), "labels": labels}


def write_data_set(folder: Path, items: list[Item]) -> None:
    """``folder`` holds ``items`` as composites: shards and ``instances.json``."""
    write_shards(folder, ((f"{number}.jpg", data) for number, (data, _) in enumerate(items)))
    images: list[ImageRecord] = []
    annotations: list[Annotation] = []
    for number, (_, rles) in enumerate(items):
        height, width = rles[0]["size"]
        images.append({"id": number, "file_name": f"{number}.jpg", "height": height, "width": width})
        annotations += [instance(len(annotations) + k, number, 1, rle) for k, rle in enumerate(rles)]
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    (folder / "instances.json").write_text(json.dumps(data))


def data_set_rows(folder: Path) -> list[tuple[str, list[RLE]]]:
    """File name and masks of every image."""
    data = read_coco(folder / "instances.json")
    rles: dict[int, list[RLE]] = {image["id"]: [] for image in data["images"]}
    for annotation in data["annotations"]:
        rles[annotation["image_id"]].append(annotation["segmentation"])
    return [(image["file_name"], rles[image["id"]]) for image in data["images"]]


def drawn(num: int) -> Iterator[Item]:
    """``num`` images of 500 × 375 pixels with six ragged objects each."""
    for number, (image, masks) in enumerate(draw_images(num)):
        rng = np.random.default_rng(number)
        masks = masks + [ragged(rng) for _ in range(FURTHER)]
        yield encode_rgb(image, ".jpg", QUALITY), [encode_mask(mask) for mask in masks]


def photographs(folder: Path, instances: Path | None, num: int) -> Iterator[Item]:
    """Up to ``num`` photographs as they are, with all their instances that are no crowds."""
    if instances is None:
        raise typer.BadParameter("--images needs --instances, the COCO file that says what objects they show")
    data = read_json(instances, str(instances))
    data["annotations"] = [{"iscrowd": 0, **row} for row in data["annotations"]]  # COCO's tools take it for 0
    rles: dict[int, list[RLE]] = {}
    for one in annotated_instances(data):
        rles.setdefault(one.image_id, []).append(one.mask_rle)
    present = [row for row in data["images"] if row["id"] in rles and (folder / row["file_name"]).exists()]
    for row in present[:num]:
        yield (folder / row["file_name"]).read_bytes(), rles[row["id"]]


if __name__ == "__main__":
    typer.run(main)
