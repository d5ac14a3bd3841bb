"""Rows that stand on another row's detector: it outlines the instances of the training images that they paste.

This is no stage of the pipeline, since a stage cannot read what the same stage wrote in another experiment. So the
file of pseudo labels is written between the two experiments, under a name that holds the commit of the first.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.artifacts.outputs import write_whole
from empaste.layout import HERE
from empaste.studies.experiments import Experiment, fetch

FOLDER = Path("pseudo_labels")
MIN_SCORE = 0.7
"""Detections under this score are not believed,"""
MIN_BEST = 0.2
"""but the best one of an image and class that its labels name, from this score on."""


def label_images(first: Experiment, evaluate: Mapping[str, Any]) -> Path:
    """The file of pseudo labels, below the repository, by the detector of the finished experiment ``first``.

    ``evaluate`` is the section of the parameters that says how a detector runs. A file that is there is kept.
    """
    from empaste.detectors.detecting import DetectSettings
    from empaste.pseudo_labels import MAX_DETECTIONS, write_pseudo_labels

    file = FOLDER / f"{first.name}-{first.rev[:12]}.json"
    if file.exists():
        return file
    scratch = Path(".work") / "studies"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        there = fetch(first.rev, (HERE.detector, HERE.images, HERE.labels), Path(folder))
        how = {key: evaluate[key] for key in ("batch_size", "num_threads", "device")}
        settings = DetectSettings(min_score=MIN_SCORE, max_detections=MAX_DETECTIONS, **how)
        out = Path(folder) / "labels.json"
        write_pseudo_labels(out, there.detector, there.images, there.labels, settings, min_best=MIN_BEST, per_class=0)
        write_whole(file, out.read_bytes())
    return file
