"""One vector and one probability row per segment (EM-Paste §3.1: ``h = phi(O)``), computed once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from empaste.batches import rebatch
from empaste.features.encoders import Encoder
from empaste.features.views import BoxXYWH, View
from empaste.images import RGB

Squares = UInt8[np.ndarray, "_ _ _ 3"]


class Showing(NamedTuple):
    """A view, and the side of the squares that it fills."""

    view: View
    side: int


def showings(views: Sequence[View], encoders: Sequence[Encoder]) -> list[Showing]:
    """Every view at every size that the encoders take, each once."""
    return list(dict.fromkeys(Showing(view, encoder.side) for view in views for encoder in encoders))


def show_segments(
    image: RGB,
    segments: Iterable[tuple[Bool[np.ndarray, "h w"], BoxXYWH]],
    num_segments: int,
    showings: Sequence[Showing],
    erosion: int,
) -> list[Squares]:
    """The segments (mask, tight box) of one image as squares, one array per showing; one mask at a time is held."""
    prepared = [view(image, erosion, side) for view, side in showings]
    shown = [np.empty((num_segments, side, side, 3), np.uint8) for _, side in showings]
    for number, (mask, box_xywh) in enumerate(segments):
        for squares, show in zip(shown, prepared, strict=True):
            squares[number] = show(mask, box_xywh)
    return shown


def describe_segments(
    views: Sequence[View], encoders: Sequence[Encoder], shown: Iterable[Sequence[Squares]], batch_size: int
) -> Iterator[tuple[Float[np.ndarray, "_ c"], Float[np.ndarray, "_ d"]]]:
    """Class probabilities and ``phi`` of all segments in order, batch by batch.

    ``shown`` has what `show_segments` gave for each image; batches are full across images. The first encoder, the
    classifier's, gives the probabilities, by the first view. ``phi`` joins the vectors of all views, encoders and
    layers, in this order; where these are several, each is scaled to unit length, so that none outweighs another.
    """
    places = {showing: place for place, showing in enumerate(showings(views, encoders))}
    waiting: tuple[Tensor, Tensor] | None = None
    for batch in rebatch(shown, batch_size):
        squares = {showing: batch[place] for showing, place in places.items()}
        with torch.inference_mode():
            described = _describe(views, encoders, squares)
        # A GPU is still at it: fetch what it gave for the batch before.
        if waiting:
            yield _to_numpy(waiting)
        waiting = described
    if waiting:
        yield _to_numpy(waiting)


def _describe(
    views: Sequence[View], encoders: Sequence[Encoder], squares: dict[Showing, Squares]
) -> tuple[Tensor, Tensor]:
    """Probabilities and ``phi`` of one batch, on the encoders' device."""
    logits, vectors = None, []
    for view in views:
        for encoder in encoders:
            if logits is None or encoder.num_layers:
                scores, found = encoder.encode(squares[Showing(view, encoder.side)])
                logits = scores if logits is None else logits
                vectors += found
    assert logits is not None
    phi = vectors[0] if len(vectors) == 1 else torch.cat([F.normalize(vector.float()) for vector in vectors], 1)
    return logits.sigmoid(), phi


def _to_numpy(described: tuple[Tensor, Tensor]) -> tuple[Float[np.ndarray, "b c"], Float[np.ndarray, "b d"]]:
    probs, phi = (tensor.float().cpu().numpy() for tensor in described)
    return probs, phi


def num_columns(views: Sequence[View], encoders: Sequence[Encoder]) -> tuple[int, int]:
    """How many probabilities and how long a ``phi`` a segment gets."""
    blank = [np.zeros((1, side, side, 3), np.uint8) for _, side in showings(views, encoders)]
    probs, phi = next(describe_segments(views, encoders, [blank], 1))
    return probs.shape[1], phi.shape[1]
