"""What to run, what that takes, and whether all is there: presets, plans, studies, checks."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from empaste.layout import HERE


def preset(
    names: Annotated[list[str] | None, typer.Argument(help="names of files in presets/; later ones win")] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="key=value, applied after the presets")] = None,
    write: Annotated[bool, typer.Option("--write", help="write into params.yaml instead")] = False,
) -> None:
    """Print presets as options for dvc: dvc exp run $(empaste preset voc) -S prepare.root=/data/VOC2012."""
    from empaste.presets import overrides, write_params

    if write:
        write_params(names or [], override or [])
        return
    print(" ".join(f"-S {item}" for item in overrides(names or [], override or [])))


def plan(
    names: Annotated[
        list[str] | None, typer.Argument(help="names of files in presets/; default: params.yaml as it is")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, applied after the presets")] = None,
) -> None:
    """Print what a run would take, stage by stage, what it would download, and what is missing; nothing is run."""
    from empaste.costs.forecast import make_forecast
    from empaste.costs.table import print_forecast

    print_forecast(make_forecast(names or [], setting or []))


def study(
    name: Annotated[
        str, typer.Argument(help="a study of src/empaste/studies or studies/, or the path of a .yaml file")
    ],
    rows: Annotated[str, typer.Option(help="rows to run, with commas between; default: all")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="repeats of every row")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="rows that run at once; where there are GPUs each has one")] = 2,
    preset: Annotated[
        list[str] | None, typer.Option(help="a preset to run it on; several are applied in their order")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, applied after the presets")] = None,
    label: Annotated[
        str, typer.Option(help="told apart by this from the same study on other data; default: the presets")
    ] = "",
    part: Annotated[
        list[str] | None, typer.Option(help="NAME=PATTERN of file names: images to report separately (foregrounds)")
    ] = None,
    results: Annotated[Path, typer.Option(help="folder for the result and its tables")] = Path("docs/results"),
    show: Annotated[
        bool, typer.Option("--show", help="run nothing; make the tables of the result that is there")
    ] = False,
) -> None:
    """Run a table of the papers as DVC experiments, and print it; called again it goes on where it stood.

    Exit code 1 where a row failed.
    """
    from empaste.studies import Request, run_study, show_study

    wanted = tuple(filter(None, rows.split(",")))
    request = Request(name, tuple(preset or ()), tuple(setting or ()), label, wanted, seeds, jobs, tuple(part or ()))
    result = show_study(request, results) if show else run_study(request, results)
    if result.failures:
        print(f"{len(result.failures)} runs failed; the same command tries them again", file=sys.stderr)
        raise typer.Exit(1)


def doctor() -> None:
    """Check what is installed and configured; exit code 1 if something that the pipeline needs is broken."""
    from empaste.doctor import print_report

    raise typer.Exit(0 if print_report(Path()) else 1)


def recall(
    method: Annotated[
        list[str] | None, typer.Option(help="a proposal source to measure; default: all that need no weights")
    ] = None,
    num_images: Annotated[
        int, typer.Option(min=0, help="number of images, spread evenly over the data set; 0: all")
    ] = 0,
    part: Annotated[
        list[str] | None, typer.Option(help="NAME=PATTERN of file names: images to report separately")
    ] = None,
    images: Path = HERE.images,
    ground_truth: Path = HERE.train_truth,
    params: Path = HERE.params,
) -> None:
    """Print how many instances of the training images each proposal source finds, its number of segments, its speed."""
    from empaste.recall import measure_recall

    print(measure_recall(method or [], num_images, part or [], images, ground_truth, params))
