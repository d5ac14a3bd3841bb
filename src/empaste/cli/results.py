"""What a run gave: figures, pages and pictures of it, and its results for other tools."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from empaste.errors import InputError
from empaste.layout import HERE


def summary(metrics: Path = HERE.metrics, page: Path = HERE.report) -> None:
    """Print the results of the last run: AP per class, foreground precision per F-EM iteration, the page to open."""
    from empaste.report.summary import print_summary

    print_summary(metrics, page)


def report(
    against: Annotated[str, typer.Option(help="an experiment, a branch or a commit whose run stands in DVC's cache")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("report/against.html"),
    num_images: Annotated[int, typer.Option(min=1, help="pictures per sheet")] = 12,
) -> None:
    """Write a page that sets this run beside another: figures, what changed and why, the same images in both."""
    from empaste.comparison import compare

    compare(against, out, num_images)
    print(f"Open {out.resolve()}")


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="choice, iterations, space_maximize, long_tail, contexts; default: all that can be drawn"),
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the files")] = Path("figures"),
    format_: Annotated[str, typer.Option("--format", help="svg, pdf, png")] = "svg",
    image: Annotated[list[int] | None, typer.Option(help="id of a training image to show; may be repeated")] = None,
    class_: Annotated[list[str] | None, typer.Option("--class", help="a class to show; may be repeated")] = None,
    num: Annotated[int | None, typer.Option(min=1, help="number of rows; of iterations: classes")] = None,
    study: Annotated[Path | None, typer.Option(help="long_tail: the result of a study to draw, a .json file")] = None,
) -> None:
    """Draw the papers' figures from the artifacts of the last run, as vector files.

    Exit code 1 where a figure that was named, or that the artifacts should allow, could not be drawn.
    """
    from rich.console import Console

    from empaste.paper_figures.figure import Wish
    from empaste.paper_figures.writing import outcome_table, write_figures

    wish = Wish(tuple(image or ()), tuple(class_ or ()), num, study)
    outcomes = list(write_figures(names or (), HERE, out, format_, wish))
    Console().print(outcome_table(outcomes))
    left_out = [one for one in outcomes if one.path is None]
    for one in left_out:
        print(f"not drawn: {one.name}: {one.said}", file=sys.stderr)
    if left_out:
        print(f"{len(left_out)} of {len(outcomes)} figures are not drawn", file=sys.stderr)
    if any(not one.absent for one in left_out):
        raise typer.Exit(1)


def unpack(
    folder: Annotated[Path, typer.Argument(help="data/composites or data/backgrounds")],
    out: Annotated[Path, typer.Argument(help="a new folder")],
) -> None:
    """Copy the images from their shards into OUT/images as plain files, with the JSON beside them, for COCO tools."""
    from empaste.artifacts.shards import unpack as unpack_shards

    print(f"{unpack_shards(folder, out)} images: {out}/images")


def export(
    what: Annotated[
        str,
        typer.Argument(
            help="model, foregrounds, refined, composites, detections, predictions or pseudo-labels",
        ),
    ],
    out: Annotated[Path | None, typer.Argument(help="a new folder; of a model a new file")] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="coco (default), voc, yolo, lvis, cvat, labelstudio, fiftyone; a model: tensors (default), onnx, "
            "torchscript",
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="the folder of predictions, or the file of pseudo labels, to export")
    ] = None,
    images: Annotated[str, typer.Option(help="the image files: copy, link or none")] = "copy",
    image_folder: Annotated[
        Path | None,
        typer.Option(
            help="where image files lie; default: data/images, of predictions the current folder, with --originals "
            "prepare.root"
        ),
    ] = None,
    originals: Annotated[
        bool,
        typer.Option(
            "--originals", help="in your own photographs, whole and at full size, not in those of data/images"
        ),
    ] = False,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="leave out what scores less; default 0, of a model 0.05")
    ] = None,
    max_detections: Annotated[
        int | None, typer.Option(min=1, help="of a model: most detections per image; default 100")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help=f"of a model: folder of a trained detector; default {HERE.detector}")
    ] = None,
) -> None:
    """Write results as a data set of another tool, or the detector for use without this project: docs/exporting.md.

    What the format cannot hold is counted and told before anything is written.
    """
    if out is None:
        raise _nowhere(what)
    if what == "model":
        if source is not None or images != "copy" or originals:
            raise InputError(
                "a model has neither --source nor --images nor --originals, which are for data sets; leave them out"
            )
        from empaste.exporting.models.model_format import Limits
        from empaste.exporting.models.writing import export_model

        limits = Limits(0.05 if min_score is None else min_score, max_detections or 100)
        said = export_model(model or HERE.detector, out, format_ or "tensors", limits, image_folder or HERE.images)
        print(f"{said}: {out}")
        return
    if max_detections is not None or model is not None:
        raise InputError(
            f"{shlex.quote(what)} takes neither --max-detections nor --model, which are for a model; leave them out"
        )
    from empaste.exporting.reading import Places
    from empaste.exporting.writing import export_data_set

    done = export_data_set(
        what,
        out,
        format_ or "coco",
        Places(HERE, source, image_folder, originals),
        images=images,
        min_score=min_score or 0.0,
        tell=lambda line: print(line, file=sys.stderr),
    )
    print(f"{done.num_instances} instances in {done.num_images} images: {out}")


def _nowhere(what: str) -> InputError:
    """What to say where ``what`` is the only word: a thing to export, or a place to export the detector to."""
    from empaste.exporting.reading import SOURCES

    words = f"{what} OUT" if what in (*SOURCES, "model") else f"model {shlex.quote(what)}"
    return InputError(f"there is nowhere to write; say what to export, then where to: empaste export {words}")
