"""All composites of a run, from what was gathered to a COCO data set on disk."""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from empaste.paste.compose import compose_encoded
from empaste.paste.gathering import Gathered
from empaste.paste.pool import Canvas
from empaste.paste.settings import PasteSettings
from empaste.paste.summary import Summary, summarise
from empaste.paste.writing import Composed, write_composites

MapItems = Callable[[Callable[[Canvas], Composed], Sequence[Canvas]], Iterable[Composed]]
"""Maps a pure function over what is pasted on, perhaps in worker processes; in order."""


def make_composites(folder: Path, gathered: Gathered, settings: PasteSettings, map_items: MapItems) -> Summary:
    """``folder`` holds the composites as `write_composites` writes them; returns their `summarise`.

    Classes without a foreground are named on stderr.
    """
    compose = partial(compose_encoded, cutouts=gathered.cutouts, settings=settings)
    total = write_composites(folder, gathered.work, gathered.canvases, partial(map_items, compose), gathered.classes)
    summary = summarise(total, gathered.pool, gathered.classes)
    _warn_of_missing(summary["foregrounds_per_class"])
    return summary


def _warn_of_missing(foregrounds_per_class: dict[str, int]) -> None:
    missing = [name for name, count in foregrounds_per_class.items() if not count]
    if missing:
        print(f"WARNING: no foreground of {', '.join(missing)}; the composites do not show it", file=sys.stderr)
