"""Where the artifacts of a run lie: the only place that knows a path below ``data/``, ``models/`` or ``metrics/``.

``dvc.yaml`` says the same of every stage, as it must; a test holds the two together.
"""

import os
from pathlib import Path
from typing import NamedTuple


class Layout(NamedTuple):
    """Every artifact's path, relative to the top of the repository or, after `below`, to any folder.

    Metrics and plots are folders: their files are called after the stage that writes them.
    """

    label_decisions: Path = Path("data/decisions/labels.csv")
    foreground_decisions: Path = Path("data/decisions/foregrounds.json")
    images: Path = Path("data/images")
    labels: Path = Path("data/labels")
    originals: Path = Path("data/originals")
    train_truth: Path = Path("data/ground_truth/train.json")
    val_truth: Path = Path("data/ground_truth/val.json")
    classifier: Path = Path("models/classifier")
    segments: Path = Path("data/segments")
    cams: Path = Path("data/cams")
    evidence: Path = Path("data/evidence")
    features: Path = Path("data/features")
    foregrounds: Path = Path("data/foregrounds")
    refined: Path = Path("data/refined")
    captions: Path = Path("data/captions")
    backgrounds: Path = Path("data/backgrounds")
    composites: Path = Path("data/composites")
    detector: Path = Path("models/mask_rcnn")
    detections: Path = Path("data/detections")
    report: Path = Path("report/index.html")
    metrics: Path = Path("metrics")
    plots: Path = Path("plots")
    params: Path = Path("params.yaml")
    pipeline: Path = Path("dvc.yaml")
    lock: Path = Path("dvc.lock")

    def below(self, root: Path) -> "Layout":
        """The layout of the run in the folder ``root``."""
        return Layout(*(root / path for path in self))


HERE = Layout()
"""The run in the current folder."""
DECISIONS = (HERE.foreground_decisions, HERE.label_decisions)
"""What a person decides with ``empaste review``: the stages read it, and git tracks it."""
PACKAGE = Path(__file__).resolve().parent
"""The folder of this package's code."""


def in_main_repository(path: str) -> Path:
    """The path, a relative one below the main repository: experiments in workspaces of their own find it, too."""
    # Path.expanduser would end in an error for a folder that is called ~ and something.
    return Path(os.environ.get("DVC_ROOT", ".")) / os.path.expanduser(path)  # noqa: PTH111


def pipeline_folder() -> Path:
    """Where this version's ``dvc.yaml``, ``params.yaml``, ``presets/`` and ``stages/`` lie.

    That is the top of the checkout, or, where the package was installed from a wheel, a folder in the package.
    """
    top = PACKAGE.parents[1]
    in_checkout = PACKAGE.parent.name == "src" and (top / HERE.pipeline).is_file()
    return top if in_checkout else PACKAGE / "pipeline"


def code_file(dep: str, top: Path) -> Path:
    """The file or folder of code that ``dvc.yaml`` in the folder ``top`` calls ``dep``.

    Where ``top`` has no ``src/``, the package's own code is meant.
    """
    inside = dep.removeprefix("src/empaste/")
    return PACKAGE / inside if inside != dep and not (top / "src").is_dir() else top / dep
