"""Two images of 100 × 100 with instances of two classes, and detections."""

import numpy as np

from empaste.artifacts.coco import instance
from empaste.artifacts.coco_records import Category, Coco, Detection, ImageRecord
from empaste.masks import encode_mask

CATEGORIES: list[Category] = [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}]
SIDE = 100


def block(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def truth(*instances: tuple[int, int, np.ndarray], crowd: int = 0) -> Coco:
    """Two images with the (image id, class id, mask) given."""
    annotations = [
        instance(k, image_id, class_id, encode_mask(mask), iscrowd=crowd)
        for k, (image_id, class_id, mask) in enumerate(instances, 1)
    ]
    images: list[ImageRecord] = [
        {"id": image_id, "file_name": f"{image_id}.jpg", "height": SIDE, "width": SIDE} for image_id in (1, 2)
    ]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def found(image_id: int, class_id: int, mask: np.ndarray, score: float) -> Detection:
    made = instance(1, image_id, class_id, encode_mask(mask))
    return {
        "image_id": image_id,
        "category_id": class_id,
        "bbox": made["bbox"],
        "segmentation": made["segmentation"],
        "score": score,
    }
