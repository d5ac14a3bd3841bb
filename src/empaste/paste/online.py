"""Composites made as they are asked for: a torch data set with new ones every epoch, and nothing on disk but cutouts.

The stage repeats every original a fixed number of times; here epoch ``e`` holds what the stage would make of the
repeats from ``e`` times that number on. So epoch 0 is the stage's data set before it is written as JPEG, and ``E``
epochs are what it would write with ``E`` times the repeats, of synthesised backgrounds too. Unpasted originals stay the
same.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.masks import decode_mask, decode_masks
from empaste.paste.compose import Composite, compose
from empaste.paste.cutouts import Cut, Cutout, MapOriginals
from empaste.paste.gathering import gather
from empaste.paste.pool import Canvas
from empaste.paste.settings import PasteSettings
from empaste.paste.writing import MAX_UNREADABLE
from empaste.settings import load_settings

View = Callable[[Composite], Any]


class OnlineComposites(Dataset[Any]):
    """``dataset[k]`` is ``view`` of the composite on ``canvases[k]`` in the epoch that `set_epoch` names, at first 0.

    What comes out depends on the seed, the epoch and the canvas alone, not on the number of workers or the order.
    Where a canvas gives no composite (its image cannot be read, or no instance is left to see), the next one that does
    stands in for it. `InputError` where more than `MAX_UNREADABLE` of the images, counted per worker, cannot be read,
    or no canvas gives a composite. ``cutouts`` is a folder as `cut_out` and `write_draws` fill it; it must stay.
    """

    def __init__(
        self, canvases: Sequence[Canvas], cutouts: Path, settings: PasteSettings, view: View | None = None
    ) -> None:
        self.canvases, self.cutouts, self.settings, self.view = list(canvases), cutouts, settings, view
        self._repeats = 1 + max((canvas.copy for canvas in canvases), default=0)
        self._limit = MAX_UNREADABLE * len({canvas.image for canvas in canvases})
        self._unreadable: dict[str, str] = {}
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers that live on see it change

    def __len__(self) -> int:
        return len(self.canvases)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} canvases, and no canvas {index}")
        places = (place % len(self) for place in range(index, index + len(self)))
        composite = next((found for place in places if (found := self._compose(place)) is not None), None)
        if composite is None:
            raise InputError("not one of the images to paste on gives a composite in which an instance is to be seen")
        return composite if self.view is None else self.view(composite)

    def set_epoch(self, epoch: int) -> None:
        """From the next iterator of a loader on, composites are those of ``epoch``, from 0."""
        if epoch < 0:
            raise InputError(f"epoch is {epoch}; epochs count from 0")
        self._epoch.fill_(epoch)

    def _compose(self, place: int) -> Composite | None:
        canvas = self.canvases[place]
        canvas = canvas._replace(copy=canvas.copy + int(self._epoch) * self._repeats)
        try:
            composite = compose(canvas, self.cutouts, self.settings)
        except InputError as error:
            self._note_unreadable(canvas, error)
            return None
        return composite if composite.annotations else None

    def _note_unreadable(self, canvas: Canvas, error: InputError) -> None:
        if str(canvas.image) not in self._unreadable:
            print(f"WARNING: skipped: {error}", file=sys.stderr)
        self._unreadable[str(canvas.image)] = str(error)
        if len(self._unreadable) > self._limit:
            raise InputError(
                f"more than {MAX_UNREADABLE:.0%} of the images to paste on cannot be read: "
                f"{'; '.join(list(self._unreadable.values())[:5])}"
            ) from error


def cut_out_here(cut: Cut, originals: Sequence[Canvas]) -> Iterator[list[Cutout]]:
    """``cut`` of every one of ``originals`` in this process, with a progress bar."""
    yield from tqdm(map(cut, originals), "cut out", len(originals), unit="image")


def open_online(
    root: Path = Path(), map_originals: MapOriginals = cut_out_here
) -> tuple[OnlineComposites, dict[int, int]]:
    """The composites as a torch data set with new ones every epoch, of the pipeline's run in ``root``.

    For trainings of one's own. By the section paste of ``root``'s params.yaml; ``data/composites`` is not needed. Also
    returned: per class id the label, from 1 in the order of ids. The cutouts lie in ``.work/online``; ``map_originals``
    maps the function that makes them over the images, such as `scaleout.map_items` in worker processes.
    """
    places = HERE.below(root)
    settings = load_settings(places.params, "paste", PasteSettings)
    gathered = gather(settings, places, "online", map_originals)
    labels = {int(class_id): place for place, class_id in enumerate(sorted(gathered.classes["class_id"]), start=1)}
    return OnlineComposites(gathered.canvases, gathered.cutouts, settings), labels


def to_target(composite: Composite, labels: dict[int, int]) -> tuple[Tensor, dict[str, Tensor]]:
    """Image in [0, 1] and target as torchvision's detectors take them; ``labels`` gives a class id's label, from 1.

    ``void`` (h, w) is in the target where there are pixels of which nobody knows what they show.
    """
    annotations = composite.annotations
    boxes_xywh = torch.tensor([one["bbox"] for one in annotations], dtype=torch.float32).reshape(-1, 4)
    boxes_xyxy = torch.cat([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], dim=1)
    masks = decode_masks([one["segmentation"] for one in annotations]).view(np.uint8)
    image = torch.from_numpy(np.ascontiguousarray(composite.image.transpose(2, 0, 1))).float() / 255
    ids = torch.tensor([labels[one["category_id"]] for one in annotations], dtype=torch.int64)
    target = {"boxes": boxes_xyxy, "labels": ids, "masks": torch.from_numpy(masks)}
    if composite.void is not None:
        target["void"] = torch.from_numpy(decode_mask(composite.void).view(np.uint8))
    return image, target
