"""What F-EM reads: segments, class activation maps, features, probabilities and evidence, aligned."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.arrays import read_array
from empaste.artifacts.narrow_tables import read_columns
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.prepare import Classes
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from
from empaste.foregrounds.initial import INITIAL
from empaste.foregrounds.settings import ForegroundsSettings

SEGMENT_COLUMNS = ["segment_id", "image_id", "counts", "height", "width", "area"]
EVIDENCE_COLUMNS = ["class_id", "segment_id", "judged", "score"]
"""What is read of the two tables that are largest."""


class Tables(NamedTuple):
    """``segments`` and ``evidence`` have `SEGMENT_COLUMNS` and `EVIDENCE_COLUMNS`, and may have more.

    ``phi`` and ``probs`` are aligned with ``segments``, the columns of ``probs`` with ``class_ids``.

    ``evidence`` may be None where nothing asks for it (`asks_for_evidence`).
    """

    segments: pd.DataFrame
    cams: pd.DataFrame
    phi: Float[np.ndarray, "n d"]
    probs: Float[np.ndarray, "n classes"]
    class_ids: list[int]
    evidence: pd.DataFrame | None = None


def read_tables(labels: Path, segments: Path, cams: Path, features: Path, evidence: Path | None) -> Tables:
    """The tables in the folders of these artifacts; ``phi`` and ``probs`` stay on disk.

    `InputError` where a file is missing, unreadable or out of step with the segments.
    """
    rows = read_columns(segments, Segments, SEGMENT_COLUMNS)
    return Tables(
        rows,
        read_from(cams, Cams),
        read_array(features / "phi.npy", len(rows), str(segments), "features"),
        read_array(features / "probs.npy", len(rows), str(segments), "features"),
        read_from(labels, Classes)["class_id"].tolist(),
        read_columns(evidence, Evidence, EVIDENCE_COLUMNS) if evidence else None,
    )


def asks_for_evidence(settings: ForegroundsSettings) -> bool:
    """Whether Step 1 or the E-step looks at what the image itself says of its segments."""
    return INITIAL[settings.initial].by_evidence or settings.evidence_weight > 0 or settings.num_best > 0
