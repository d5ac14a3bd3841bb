"""A round of self-training (beyond the papers): the first round's detector outlines what the second one learns from.

Per repeat the first round's own detector writes pseudo labels of the training images; these are pasted, and a detector
is trained on that from scratch. Two trainings are compared with one that takes as many iterations as both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from empaste import masks
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import file_of
from empaste.artifacts.work import keyed_folder
from empaste.layout import HERE
from empaste.settings import read_sections
from empaste.studies.running import Study, Workspace, detector_figures, read_results, run_stages, table

TITLE = "Self-training: Mask R-CNN by the round that its foregrounds come from"
STAGES = ("paste", "train", "evaluate")
SEEDED = ("paste.seed", "train.seed")
FIRST = "First round"
LONGER = "First round, trained twice as long"
SECOND = "Second round: self-training"
MIN_SCORE = 0.7
"""Detections of the first round under this score are not believed,"""
MIN_BEST = 0.2
"""but the best one of an image and class that its labels name, from this score on."""


def study_self_training(seeds: Sequence[int], folder: Path, jobs: int, command: str, root: Path = Path()) -> str:
    """The table as Markdown, kept in ``folder/self_training.md``."""
    params, work = read_sections(root / HERE.params), folder / "self_training"
    first = first_round(params)
    done = run_stages(first, seeds, work, jobs, root, detector_figures)
    files = {one.seed: label_images(one, params["evaluate"], work, root) for one in done if one.row == FIRST}
    second = second_round(files)
    done += run_stages(second, seeds, work, jobs, root, detector_figures)
    both = Study(TITLE, STAGES, {**first.rows, **second.rows}, SEEDED)
    text = table(both, read_results(done), command)
    write_whole(folder / "self_training.md", text.encode())
    return text


def first_round(params: Mapping[str, Any]) -> Study:
    """The pipeline as in ``params``, the content of ``params.yaml``, and with twice the training iterations."""
    longer = {"train.iterations": 2 * params["train"]["iterations"]}
    return Study(TITLE, STAGES, {FIRST: {}, LONGER: longer}, SEEDED)


def second_round(files: Mapping[int, Path]) -> Study:
    """What differs where pseudo labels are pasted: per repeat those in its own of ``files``."""
    by_seed = {seed: {"paste.foregrounds_file": str(file.resolve())} for seed, file in files.items()}
    return Study(TITLE, STAGES, {SECOND: {"paste.foregrounds": "file"}}, SEEDED, by_seed)


def label_images(first: Workspace, options: Mapping[str, Any], work: Path, root: Path) -> Path:
    """The file of pseudo labels by the detector of ``first``; not made again from the same detector, data and code.

    ``options`` is the section ``evaluate`` of the parameters, which says how a detector runs. Its path differs with its
    content, so that it stands for the file among what determines a second round.
    """
    from empaste import detectors, pseudo_labels  # which load torch: no other study needs it

    model, images, labels = first.folder / HERE.detector, root / HERE.images, root / HERE.labels
    code = [Path(str(pseudo_labels.__file__)), Path(str(masks.__file__))]
    code += sorted(Path(str(detectors.__file__)).parent.glob("*.py"))
    inputs = [model, file_of(labels, Classes), file_of(labels, Labels), file_of(images, Images), *code]
    file = keyed_folder(f"pseudo-labels-{first.seed}", [MIN_SCORE, MIN_BEST, *inputs], work) / "instances.json"
    if not file.exists():
        how = {key: options[key] for key in ("batch_size", "num_threads", "device")}
        pseudo_labels.write_pseudo_labels(
            file, model, images, labels, min_score=MIN_SCORE, min_best=MIN_BEST, per_class=0, **how
        )
    return file
