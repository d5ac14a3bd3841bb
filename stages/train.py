"""``models/mask_rcnn`` holds an instance detector trained on the composites; ``plots/train.csv`` how its loss fell."""

import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import typer

from empaste import detectors
from empaste.artifacts.checkpoints import work_folder
from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.detectors.distributed import launched_rank
from empaste.detectors.recipe import Recipe
from empaste.params import load_params
from empaste.tracking import live_curve
from stages.runner import stage


@stage("train")
def main(
    composites: Path = Path("data/composites"),
    out: Path = Path("models/mask_rcnn"),
    plot: Path = Path("plots/train.csv"),
    params: Path = Path("params.yaml"),
) -> None:
    """Train the detector; an interrupted training goes on from its last checkpoint.

    Under torchrun every process comes here, and the first alone writes.
    """
    options = load_params(params).train.model_dump()
    weights, code = Path(options["weights"] or ""), sorted(Path(detectors.__file__).parent.glob("*.py"))
    work = work_folder("train", [options, composites, *code, *([weights] if weights.is_file() else [])])
    backend, model = options.pop("backend"), work / "model"
    fit = partial(detectors.fit, backend, composites, model, work=work, recipe=Recipe(**options))
    if launched_rank():
        fit()
        return
    model.mkdir(exist_ok=True)
    with live_curve("train", params) as log:
        curve = fit(on_step=log)
    with whole_directory(out) as folder:
        shutil.copytree(model, folder, dirs_exist_ok=True)
    write_whole(plot, pd.DataFrame(curve).to_csv(index=False).encode())
    shutil.rmtree(work)


if __name__ == "__main__":
    typer.run(main)
