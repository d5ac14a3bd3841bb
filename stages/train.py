"""``models/mask_rcnn`` holds an instance detector trained on the composites; ``plots/train.csv`` how its loss fell."""

import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import typer

from empaste.artifacts.networks import MODEL_FILE
from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.artifacts.work import remove_work, work_folder
from empaste.detectors.distributed import launched_rank
from empaste.detectors.settings import TrainSettings
from empaste.detectors.training import fit
from empaste.layout import HERE
from empaste.networks.names import CLASSIFIER
from empaste.settings import load_settings
from empaste.tracking import live_curve
from stages.runner import stage


@stage("train")
def main(
    composites: Path = HERE.composites,
    classifier: Path = HERE.classifier,
    out: Path = HERE.detector,
    plot: Path = HERE.plots / "train.csv",
    params: Path = HERE.params,
) -> None:
    """Train the detector; an interrupted training goes on from its last checkpoint.

    Under torchrun every process comes here, and the first alone writes.
    """
    settings = load_settings(params, "train", TrainSettings)
    work = work_folder("train", settings, [composites, classifier])
    if settings.weights == CLASSIFIER:
        settings = settings.model_copy(update={"weights": str((classifier / MODEL_FILE).absolute())})
    model = work / "model"
    fit_composites = partial(fit, composites, model, work=work, settings=settings)
    if launched_rank():
        fit_composites()
        return
    model.mkdir(exist_ok=True)
    with live_curve("train", params) as log:
        curve = fit_composites(on_step=log)
    with whole_directory(out) as folder:
        shutil.copytree(model, folder, dirs_exist_ok=True)
    write_whole(plot, pd.DataFrame(curve).to_csv(index=False).encode())
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
