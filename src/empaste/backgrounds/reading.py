"""What the other stages say of the images: their captions and labels, and the segments that backgrounds must lose."""

from collections.abc import Mapping
from pathlib import Path

from empaste.artifacts.arrays import read_array
from empaste.artifacts.chosen_masks import read_by_hand
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, read_table
from empaste.backgrounds.erasing import segments_to_erase
from empaste.backgrounds.scenes import Scene, list_scenes


def read_erased(
    labels: Path, segments: Path, features: Path, foregrounds: Path, erase_prob: float
) -> dict[int, tuple[str, ...]]:
    """Image id -> the segments that a background must lose, by what F-EM chose last and by their probabilities.

    Before them come the masks of a person's decisions that are no segments.
    """
    proposed = read_from(segments, Segments)
    probs = read_array(features / "probs.npy", len(proposed), str(segments), "features")
    last = max(foregrounds.glob("iter_*.parquet"), key=lambda path: int(path.stem[5:]), default=Path("iter_0.parquet"))
    erased = segments_to_erase(
        proposed,
        probs,
        read_from(labels, Classes)["class_id"].tolist(),
        read_from(labels, Labels),
        read_table(foregrounds / last.name, Foregrounds),
        erase_prob,
    )
    by_hand = read_by_hand(foregrounds)
    drawn = [] if by_hand is None else list(zip(by_hand["image_id"].tolist(), by_hand["counts"].tolist(), strict=True))
    for image_id, counts in reversed(drawn):
        erased[image_id] = (counts, *erased.get(image_id, ()))
    return erased


def read_scenes(
    images: Path, labels: Path, captions: Path, class_names: Mapping[int, str], erase: Mapping[int, tuple[str, ...]]
) -> list[Scene]:
    """The training images, each with all that belongs to it."""
    table = read_from(images, Images)
    return list_scenes(
        table,
        image_paths(table, images),
        read_from(captions, Captions),
        read_from(labels, Labels),
        class_names,
        erase,
    )
