"""How many composites one core makes in a second, beside a plain OpenCV loop in the same run: the limit.

    python -m benchmarks.paste                                             # on images that it draws itself
    python -m benchmarks.paste --images DIR --instances FILE.json          # on photographs with COCO instances
    python -m benchmarks.paste --workers 2 --rounds 1 --per-round 2000     # how much faster two processes are

From image files to shards and annotations: 500 × 375 pixels, 4 objects, JPEG of quality 95 in and 75 out. The limit is
the least that makes such a data set, written as one loop: read, warp, blur, blend, encode, write. It knows neither
selection nor placement, and keeps no rim around an object. Rates are per second of CPU time, each side's best of rounds
that they take in turns. The last line is one JSON object.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import typer
from pycocotools import mask as coco_mask

from empaste.artifacts.json_files import read_json
from empaste.images import read_rgb, write_rgb
from empaste.masks import decode_mask, encode_mask
from empaste.paste.compose import compose_encoded
from empaste.paste.cutouts import cut_out, open_cutouts, pool_folder
from empaste.paste.foregrounds import Foreground, annotated_instances
from empaste.paste.pool import Canvas
from empaste.paste.sampling import write_draws
from empaste.paste.settings import PasteSettings
from empaste.paste.writing import write_composites
from empaste.scaleout import map_items

WIDTH, HEIGHT = 500, 375
NUM_OBJECTS = 4
QUALITY_IN, QUALITY_OUT = 95, 75
SCALE, ROTATION, BLUR_SIGMA = (0.3, 1.0), 30.0, 1.0
MIN_AREA = 0.01
SHARE_OF_LIMIT, SPACE_MAXIMIZE, TWO_WORKERS = 0.9, 60.0, 1.8
CLASSES = pd.DataFrame({"class_id": [1], "name": ["thing"], "supercategory": ["thing"]})
SIDES = {
    "random": ("random", "gaussian"),
    "space_maximize": ("space_maximize", "gaussian"),
    "poisson": ("random", "poisson"),
}


class Scene(NamedTuple):
    """Images of the benchmark's size in files, and the cutouts of their objects."""

    originals: list[Canvas]
    cutouts: Path


def main(
    images: Path | None = None,
    instances: Path | None = None,
    num_images: int = 64,
    rounds: int = 4,
    per_round: int = 150,
    workers: int = 1,
) -> None:
    """Make composites by each placement and by the limit, in turns, and print rates and ratios."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        drawn = draw_images(num_images) if images is None else photographs(images, instances, num_images)
        scene = prepare(root, list(drawn))
        if workers > 1:
            figures = scaling(root, scene, rounds * per_round, workers)
        else:
            figures = rates(root, scene, rounds, per_round)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def rates(root: Path, scene: Scene, rounds: int, per_round: int) -> dict[str, float]:
    """Composites per second of CPU time in each side's best round, and what the bars ask for."""
    objects = list(objects_in_memory(scene))
    seconds = dict.fromkeys([*SIDES, "limit"], np.inf)
    for number in range(-1, rounds):  # the first round warms up
        for side in seconds:
            items = background_items(scene, number, per_round if number >= 0 else 10)
            started = time.process_time()
            if side == "limit":
                plain_loop(root / "limit", items, objects, np.random.default_rng(number + 1))
            else:
                compose_side(root / f"{side}{number}", side, scene, items, workers=1)
            if number >= 0:
                seconds[side] = min(seconds[side], time.process_time() - started)
    per_second = {side: per_round / spent for side, spent in seconds.items()}
    for side, rate in per_second.items():
        print(f"{side:15s} {rate:6.1f} images per second and core, {rate / per_second['limit']:.2f} of the limit")
    return {
        **per_second,
        "share_of_limit": per_second["random"] / per_second["limit"],
        "bar_share_of_limit": SHARE_OF_LIMIT,
        "bar_space_maximize": SPACE_MAXIMIZE,
    }


def scaling(root: Path, scene: Scene, num: int, workers: int) -> dict[str, float]:
    """How much faster several processes are than one, by the clock: to be asked of a quiet machine."""
    clock = {}
    for count in (1, workers):
        items = background_items(scene, 0, num)
        started = time.perf_counter()
        compose_side(root / f"workers{count}", "random", scene, items, count)
        clock[count] = time.perf_counter() - started
        print(f"{count} processes: {num / clock[count]:.1f} images per second")
    return {"workers": workers, "times_faster": clock[1] / clock[workers], "bar_two_workers": TWO_WORKERS}


def compose_side(folder: Path, side: str, scene: Scene, items: Sequence[Canvas], workers: int) -> None:
    """Composites as the paste stage writes them."""
    placement, blending = SIDES[side]
    settings = PasteSettings.model_validate(
        {"placement": placement, "foregrounds": "fem", "foregrounds_file": None, "n_p": NUM_OBJECTS,
         "selection": "uniform", "repeat_threshold": 0.3, "confidence_temperature": 1.0, "scale": list(SCALE),
         "min_radius": 6, "tries": 1, "rotation": ROTATION, "flip": 0, "brightness": [1.0, 1.0], "blending": [blending],
         "blur_sigma": BLUR_SIGMA, "duplicate_originals": 1, "keep_originals": False, "min_visible": 0.1,
         "min_pixels": 16, "seed": 0, "jpeg_quality": QUALITY_OUT}
    )  # fmt: skip
    function = partial(compose_encoded, cutouts=scene.cutouts, settings=settings)
    for name in ("work", "out"):
        (folder / name).mkdir(parents=True)
    mapped = partial(map_items, function, what=side, workers=workers)
    write_composites(folder / "out", folder / "work", items, mapped, CLASSES)


def plain_loop(
    folder: Path, items: Sequence[Canvas], objects: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> None:
    """The limit: the steps that no such program can do without, one OpenCV call each."""
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number, item in enumerate(items):
        image = np.asarray(cv2.imread(str(item.image)))
        height, width = image.shape[:2]
        ids = np.zeros((height, width), np.uint8)
        for instance in range(1, NUM_OBJECTS + 1):
            colour, coverage = objects[rng.integers(len(objects))]
            matrix, size = pose(coverage.shape, rng)
            x = rng.integers(0, max(1, width - size[0] * 3 // 4))
            y = rng.integers(0, max(1, height - size[1] * 3 // 4))
            colour = cv2.warpAffine(colour, matrix, size)[: height - y, : width - x]
            coverage = cv2.warpAffine(coverage, matrix, size)[: height - y, : width - x]
            box = slice(y, y + size[1]), slice(x, x + size[0])
            opacity = cv2.GaussianBlur(coverage, (0, 0), BLUR_SIGMA).astype(np.float32)
            image[box] = cv2.blendLinear(colour, image[box], opacity, 255 - opacity)
            ids[box][coverage >= 128] = instance
        for instance in range(1, NUM_OBJECTS + 1):
            rle = coco_mask.encode(np.asfortranarray(ids == instance, np.uint8))
            rows.append({"image_id": number, "bbox": coco_mask.toBbox(rle).tolist(), "area": int(coco_mask.area(rle)),
                         "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()}})  # fmt: skip
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY_OUT])
    (folder / "instances.json").write_text(json.dumps(rows))


def pose(size_hw: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """The matrix that rotates and scales an object into the box that it then needs, and that box's size (w, h)."""
    scale, angle = rng.uniform(*SCALE), rng.uniform(-ROTATION, ROTATION)
    height, width = size_hw
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), np.float64)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    box = max(1, round(width * cosine + height * sine)), max(1, round(width * sine + height * cosine))
    matrix[:, 2] += np.array(box) / 2 - (width / 2, height / 2)
    return matrix, box


def prepare(root: Path, drawn: list[tuple[np.ndarray, list[np.ndarray]]]) -> Scene:
    """Files and cutouts of ``drawn``, pairs of an image and the masks of its objects."""
    originals = []
    for number, (image, masks) in enumerate(drawn):
        path = root / f"{number}.jpg"
        write_rgb(path, image, QUALITY_IN)
        own = [Foreground(number, 1, 100 * number + k, "segment_id", encode_mask(m)) for k, m in enumerate(masks)]
        originals.append(Canvas("background", number, 0, path, tuple(own), True))
    pool = cut_out(root / "cutouts", originals, [blending for _, blending in SIDES.values()], map)
    write_draws(root / "cutouts", np.ones(len(pool)))
    print(f"{len(originals)} images, {len(pool)} objects")
    return Scene(originals, root / "cutouts")


def background_items(scene: Scene, copy: int, num: int) -> list[Canvas]:
    """``num`` images to paste on, with no instance of their own; another ``copy`` gives other draws."""
    around = islice(cycle(scene.originals), num)
    return [one._replace(own=(), source_id=number, copy=copy + 1) for number, one in enumerate(around)]


def objects_in_memory(scene: Scene) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Colour and coverage of every object."""
    pool = open_cutouts(pool_folder(scene.cutouts, surroundings=False))
    for index in range(len(pool)):
        rgba = pool[index].rgba
        yield np.ascontiguousarray(rgba[..., 2::-1]), np.ascontiguousarray(rgba[..., 3])


def photographs(folder: Path, instances: Path | None, num: int) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Up to ``num`` photographs with instances of at least 1 % of the image, brought to the benchmark's size."""
    if instances is None:
        raise typer.BadParameter("--images needs --instances, the COCO file that says what objects they show")
    data = read_json(instances, str(instances))
    names = {image["id"]: image["file_name"] for image in data["images"]}
    masks: dict[int, list[np.ndarray]] = {}
    for one in annotated_instances(data):
        mask = decode_mask(one.mask_rle).view(np.uint8)
        resized = cv2.resize(mask, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(bool)
        if resized.mean() >= MIN_AREA:
            masks.setdefault(one.image_id, []).append(resized)
    present = [image_id for image_id in masks if (folder / names[image_id]).exists()]
    for image_id in present[:num]:
        yield (
            cv2.resize(read_rgb(folder / names[image_id]), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA),
            masks[image_id],
        )


def draw_images(num: int) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """``num`` images of clouds with some grain, and three ragged objects in each."""
    for number in range(num):
        rng = np.random.default_rng(number)
        layers = [rng.normal(0, 60 / k, (3 * k, 4 * k, 3)).astype(np.float32) for k in (1, 4, 16, 64)]
        clouds = sum(cv2.resize(layer, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for layer in layers)
        yield np.clip(clouds + 120, 0, 255).astype(np.uint8), [ragged(rng) for _ in range(3)]


def ragged(rng: np.random.Generator) -> np.ndarray:
    """The mask of one object: an ellipse whose outline wanders."""
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    waves = np.array([rng.uniform(0, 0.3 / k) * np.sin(k * angles + rng.uniform(0, 6)) for k in range(2, 9)])
    wander = 1 + waves.sum(axis=0)
    axes, centre = rng.uniform(25, 110, 2), rng.uniform((100, 80), (WIDTH - 100, HEIGHT - 80))
    outline = np.column_stack([np.cos(angles), np.sin(angles)]) * axes * wander[:, None] + centre
    return cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [outline.astype(np.int32)], 1).astype(bool)


if __name__ == "__main__":
    typer.run(main)
