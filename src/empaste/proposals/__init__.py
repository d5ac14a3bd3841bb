"""Class-agnostic segments of an image: one file per method, one line in the registry.

A method is ``propose(image, **options) -> (masks, scores)``: masks (n, h, w) bool, scores (n,) in [0, 1], higher is
better; pure and deterministic; no segment at all is a legal answer. What each learned from and needs stands in
`catalogue`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from empaste.proposals import (
    cob,
    coco_results,
    entity,
    entity_like,
    felzenszwalb,
    gca10,
    hierarchical,
    mask2former,
    mcg,
    quickshift,
    sam,
    sam2,
    sam3,
    selective_search,
    slic,
)

METHODS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "hierarchical": hierarchical.propose,
    "entity_like": entity_like.propose,
    "selective_search": selective_search.propose,
    "felzenszwalb": felzenszwalb.propose,
    "slic": slic.propose,
    "quickshift": quickshift.propose,
    "gca10": gca10.propose,
    "mcg": mcg.propose,
    "cob": cob.propose,
    "coco_results": coco_results.propose,
    "sam": sam.propose,
    "sam2": sam2.propose,
    "sam3": sam3.propose,
    "mask2former": mask2former.propose,
    "entity": entity.propose,
}

BY_IMAGE = frozenset({"mcg", "cob", "coco_results"})
"""Methods that read what was computed elsewhere: they see the image as it is, and are also given its ``image_id`` and
``file_name``."""

MATCHED: dict[str, Callable[..., tuple[dict[str, Any], list[str]]]] = {"coco_results": coco_results.match_images}
"""Methods whose file is compared with all images once, before the first is proposed for: ``(images, **options) ->
(further options, lines to say)``."""

IN_PROCESS = frozenset({"coco_results", "sam", "sam2", "sam3", "mask2former", "entity"})
"""Methods that hold a model or a large file, which worker processes would each load again."""
