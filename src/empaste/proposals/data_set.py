"""The segments of a whole data set, kept part by part, so that a later run goes on."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work_parts import finish_parts
from empaste.proposals.method import KeysByMethod, Networks
from empaste.proposals.settings import ProposalsSettings
from empaste.proposals.table import ImageFile, Proposed, propose_image, segment_table

FOUND = "found.json"
MapImages = Callable[[Callable[[ImageFile], Proposed], Sequence[ImageFile]], Iterable[Proposed]]
"""Maps a pure function over image files, perhaps in worker processes; in order."""


class Proposals(NamedTuple):
    """The table of all segments, and by image how many segments each method found that the chosen one joins."""

    segments: pd.DataFrame
    found: list[dict[str, int]]


def propose_data_set(
    items: Sequence[ImageFile],
    settings: ProposalsSettings,
    keys: KeysByMethod,
    networks: Networks,
    map_images: MapImages,
    work: Path,
) -> Proposals:
    """The segments of all images, in the order of ``items``, as `table.propose_image` finds them.

    ``keys`` and ``networks`` are those of the running methods. Parts that stand in ``work`` are not made again.
    """
    propose = partial(propose_image, settings=settings, keys=keys, networks=networks)
    parts = finish_parts(work, "proposals", items, partial(map_images, propose), _write_part)
    segments = segment_table(read_from(part, Segments).drop(columns="segment_id") for part in parts)
    found = [read_own_json(part / FOUND, "dvc repro proposals") for part in parts]
    return Proposals(segments, list(chain.from_iterable(found)))


def _write_part(folder: Path, proposed: Sequence[Proposed]) -> None:
    write_into(folder, segment_table(one.rows for one in proposed), Segments)
    write_json(folder / FOUND, [one.found for one in proposed])
