"""How fast detections are evaluated by COCO's rules, beside pycocotools in the same run, and that both agree.

    python -m benchmarks.evaluation                          # 500 images, 80 classes, 30 detections in each
    python -m benchmarks.evaluation --num-images 5000        # COCO val's size; pycocotools takes minutes

Ellipses as instances, and as detections the same ones moved and others anywhere; mask and box AP on both sides. CPU
time of one core. The last line is one JSON object.
"""

import io
import json
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import cv2
import numpy as np
import typer
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from empaste.artifacts.coco import instance
from empaste.artifacts.coco_records import Annotation, Category, Coco, Detection, ImageRecord
from empaste.evaluation import coco_rules
from empaste.masks import encode_mask

SIZE_HW = (240, 320)
NUM_INSTANCES, NUM_DETECTIONS = 7, 30
FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")
"""In the order of pycocotools' summary."""

Figures = dict[str, Any]


def main(num_images: int = 500, num_classes: int = 80) -> None:
    """Evaluate drawn detections by both, and print what each took and how far they are apart."""
    truth, detections = draw(num_images, num_classes)
    ours, our_seconds = timed(lambda: coco_rules.evaluate(truth, detections).metrics)
    theirs, their_seconds = timed(lambda: {kind: reference(truth, detections, name) for kind, name in KINDS.items()})
    gap = max(abs(ours[kind][name] - theirs[kind][name]) for kind in KINDS for name in FIGURES)
    print(f"{num_images} images, {len(detections)} detections; ours {our_seconds:.1f} s, theirs {their_seconds:.1f} s")
    figures = {"ours_s": our_seconds, "pycocotools_s": their_seconds, "ratio": our_seconds / their_seconds}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()} | {"largest_gap": gap}))


KINDS = coco_rules.COCO_KINDS


def timed(work: Callable[[], dict[str, Figures]]) -> tuple[dict[str, Figures], float]:
    """What ``work`` gives, and its seconds of CPU time."""
    started = time.process_time()
    return work(), time.process_time() - started


def reference(truth: Coco, detections: list[Detection], kind: str) -> Figures:
    """pycocotools' figures in percent."""
    dropped = "bbox" if kind == "segm" else "segmentation"
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        results = coco.loadRes([{key: value for key, value in row.items() if key != dropped} for row in detections])
        judge = COCOeval(coco, results, kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {name: 100 * float(value) for name, value in zip(FIGURES, judge.stats, strict=False)}


def draw(num_images: int, num_classes: int) -> tuple[Coco, list[Detection]]:
    """A ground truth, and COCO results of which about two in three are near one of its instances."""
    rng = np.random.default_rng(0)
    images: list[ImageRecord] = []
    annotations: list[Annotation] = []
    detections: list[Detection] = []
    for image_id in range(1, num_images + 1):
        images.append({"id": image_id, "file_name": f"{image_id}.jpg", "height": SIZE_HW[0], "width": SIZE_HW[1]})
        own = [(int(rng.integers(1, num_classes + 1)), ellipse(rng)) for _ in range(NUM_INSTANCES)]
        annotations += [row_of(len(annotations) + k, image_id, *one) for k, one in enumerate(own, 1)]
        for _ in range(NUM_DETECTIONS):
            class_id, shape = own[rng.integers(len(own))]
            near = rng.random() < 2 / 3
            shown = ellipse(rng, shape) if near else ellipse(rng)
            score = round(float(rng.beta(*((4, 2) if near else (2, 4)))), 5)
            found = row_of(0, image_id, class_id if near else int(rng.integers(1, num_classes + 1)), shown)
            detections.append(
                {
                    "image_id": image_id,
                    "category_id": found["category_id"],
                    "bbox": found["bbox"],
                    "segmentation": found["segmentation"],
                    "score": score,
                }
            )
    categories: list[Category] = [{"id": number, "name": f"class {number}"} for number in range(1, num_classes + 1)]
    return {"images": images, "annotations": annotations, "categories": categories}, detections


Ellipse = tuple[float, float, float, float, float]


def ellipse(rng: np.random.Generator, near: Ellipse | None = None) -> Ellipse:
    """Centre, half axes and angle, at random or a little beside ``near``."""
    if near is None:
        return (*rng.uniform((20, 20), (SIZE_HW[1] - 20, SIZE_HW[0] - 20)), *rng.uniform(6, 90, 2), rng.uniform(0, 180))
    x, y, a, b, angle = near
    move = rng.normal(0, 0.12, 4)
    return x + move[0] * a, y + move[1] * b, a * (1 + abs(move[2])), b * (1 + abs(move[3])), angle


def row_of(number: int, image_id: int, class_id: int, shape: Ellipse) -> Annotation:
    """A COCO annotation of the ellipse."""
    mask = np.zeros(SIZE_HW, np.uint8)
    x, y, a, b, angle = shape
    cv2.ellipse(mask, (round(x), round(y)), (max(1, round(a)), max(1, round(b))), angle, 0, 360, 1, -1)
    mask[min(max(round(y), 0), SIZE_HW[0] - 1), min(max(round(x), 0), SIZE_HW[1] - 1)] = 1
    return instance(number, image_id, class_id, encode_mask(mask > 0))


if __name__ == "__main__":
    typer.run(main)
