"""``empaste``: commands around the pipeline. The pipeline itself runs with ``dvc repro``."""

import io
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from empaste.errors import MACHINE_ERRORS, InputError, explain
from empaste.layout import HERE

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def init(
    name: Annotated[
        Path | None, typer.Argument(help="a new folder; with --update and --rescan: the project, default here")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="folder of the images, and folders below")] = None,
    labels: Annotated[Path | None, typer.Option(help="CSV: file,label and perhaps split, a row per label")] = None,
    labels_from_folders: Annotated[
        bool, typer.Option("--labels-from-folders", help="an image has the label that its folder is called")
    ] = False,
    coco: Annotated[
        Path | None, typer.Option(help="COCO JSON, its images in --images or beside it; or a folder with both splits")
    ] = None,
    voc: Annotated[
        Path | None, typer.Option(help="folder of a VOC devkit; or of XML files, their images in --images")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="renew the pipeline of a project after another version was installed")
    ] = False,
    rescan: Annotated[
        bool,
        typer.Option("--rescan", help="take new images of a project into its labels, and drop those that are gone"),
    ] = False,
) -> None:
    """Make a project folder for your own images, ready for dvc repro: docs/begin.md."""
    from empaste.beginning.outcome import begin_project, rescan_project, update_project

    if update:
        update_project(name or Path(), (images, labels, labels_from_folders, coco, voc, rescan))
        return
    if rescan:
        rescan_project(name or Path(), labels, labels_from_folders, (images, coco, voc))
        return
    begin_project(name, images, labels, labels_from_folders, coco, voc)


@app.command()
def inspect(
    root: Annotated[Path | None, typer.Option(help="a data set; default: that of params.yaml")] = None,
    dataset: Annotated[str | None, typer.Option(help="its kind: folder (default), coco, voc")] = None,
    out: Annotated[Path, typer.Option(help="folder for index.html and findings.csv")] = Path("inspect"),
    max_images: Annotated[int, typer.Option(min=0, help="look at so many images, evenly spread; 0: all")] = 5000,
) -> None:
    """Look at a data set before a run: classes, sizes, duplicates, doubtful labels, small objects, costs."""
    from empaste.inspection.outcome import inspect as inspect_images

    inspect_images(root, dataset, out, max_images)


@app.command()
def summary(metrics: Path = HERE.metrics, page: Path = HERE.report) -> None:
    """Print the results of the last run: AP per class, foreground precision per F-EM iteration, the page to open."""
    from empaste.report.summary import print_summary

    print_summary(metrics, page)


@app.command()
def report(
    against: Annotated[str, typer.Option(help="an experiment, a branch or a commit whose run stands in DVC's cache")],
    out: Annotated[Path, typer.Option(help="the page to write")] = Path("report/against.html"),
    num_images: Annotated[int, typer.Option(min=1, help="pictures per sheet")] = 12,
) -> None:
    """Write a page that sets this run beside another: figures, what changed and why, the same images in both."""
    from empaste.comparison import compare

    compare(against, out, num_images)
    print(f"Open {out.resolve()}")


@app.command()
def ui(port: int = 5000) -> None:
    """Serve MLflow's pages on the store that the pipeline writes, until Ctrl-C."""
    from empaste.tracking.addresses import without_password
    from empaste.tracking.store import runs_address, ui_command

    command = ui_command(port)
    print(shlex.join(map(without_password, command)), file=sys.stderr)
    print(f"Once it runs, open {runs_address(port)}", file=sys.stderr, flush=True)
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command()
def serve(
    model: Annotated[
        str | None,
        typer.Argument(help="of the MLflow store: models:/NAME/VERSION; default: the newest detector"),
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5001,
) -> None:
    """Serve a registered detector over HTTP, within bounds: docs/serving.md; until Ctrl-C."""
    from empaste.model_server import NEWEST, serve_model

    serve_model(model or NEWEST, host, port)


@app.command()
def sync() -> None:
    """Send MLflow the runs that its store could not take, which are kept in .work/tracking."""
    from empaste.tracking.sending import sync as send_kept_runs

    troubles = send_kept_runs()
    for trouble in troubles:
        print(f"ERROR: {trouble}", file=sys.stderr)
    raise typer.Exit(1 if troubles else 0)


@app.command()
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


@app.command()
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


@app.command()
def unpack(
    folder: Annotated[Path, typer.Argument(help="data/composites or data/backgrounds")],
    out: Annotated[Path, typer.Argument(help="a new folder")],
) -> None:
    """Copy the images from their shards into OUT/images as plain files, with the JSON beside them, for COCO tools."""
    from empaste.artifacts.shards import unpack as unpack_shards

    print(f"{unpack_shards(folder, out)} images: {out}/images")


@app.command()
def doctor() -> None:
    """Check what is installed and configured; exit code 1 if something that the pipeline needs is broken."""
    from empaste.doctor import print_report

    raise typer.Exit(0 if print_report(Path()) else 1)


@app.command()
def remote(
    name: Annotated[str | None, typer.Argument(help="a DVC remote; default: the default one")] = None,
    contents: Annotated[bool, typer.Option("--contents", help="read every object and compare its hash")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="put back from DVC's cache what is wrong")] = False,
) -> None:
    """Check that a DVC remote holds all outputs of this run; exit code 1 if any object is missing or damaged."""
    from empaste.sharing import describe, examine_remote

    holdings = examine_remote(Path(), name, contents=contents, repair=repair)
    print(*describe(holdings), sep="\n")
    raise typer.Exit(int(bool(holdings.wrong)))


@app.command()
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
    from functools import partial

    from empaste.artifacts.image_keys import named_images
    from empaste.artifacts.image_paths import image_paths
    from empaste.artifacts.schemas.prepare import Images
    from empaste.artifacts.tables import read_from
    from empaste.artifacts.truth import read_truth
    from empaste.params import load_params
    from empaste.parts import parse_parts
    from empaste.per_process import PerProcess
    from empaste.proposals.recall import Source, known_scenes, measure_sources, recall_table, weightless
    from empaste.proposals.settings import network_loaders, num_processes, with_method
    from empaste.proposals.table import match_images
    from empaste.scaleout import map_items

    settings, parts = load_params(params).proposals, parse_parts(part or ())
    chosen = [with_method(settings, name) for name in method or weightless()]
    table = read_from(images, Images)
    sources = []
    for one in chosen:
        keys, lines = match_images(one, named_images(table))
        networks = {name: PerProcess(load) for name, load in network_loaders(one).items()}
        sources.append(Source(one, keys, networks))
        print(*(f"{line}\n" for line in lines), sep="", end="", file=sys.stderr)
    scenes = known_scenes(image_paths(table, images), read_truth(ground_truth), settings.min_area, num_images)
    workers = 1 if any(num_processes(one) == 1 for one in chosen) else None
    measured = map_items(partial(measure_sources, sources=sources), scenes, "recall", workers)
    print(f"{len(scenes)} images, instances of at least {settings.min_area:.1%} of the image; CPU time of one core\n")
    print(recall_table((result for results in measured for result in results), parts))


@app.command()
def predict(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="an image, a folder of images, a video, or a camera: camera:0")
    ],
    model: Annotated[Path, typer.Option(help="folder of a trained detector")] = HERE.detector,
    out: Annotated[Path, typer.Option(help="new folder for COCO files and overlays, or the video")] = Path(
        "predictions"
    ),
    min_score: Annotated[float, typer.Option(min=0, max=1, help="leave out detections below this score")] = 0.5,
    max_detections: Annotated[int, typer.Option(min=1, help="most detections per image")] = 100,
    batch_size: Annotated[int, typer.Option(min=1, help="images per batch")] = 4,
    num_threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: all cores")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps")] = "auto",
    every: Annotated[int, typer.Option(min=1, help="of a video or camera: look at every N-th frame")] = 1,
    max_frames: Annotated[int, typer.Option(min=0, help="of a video or camera: most frames to look at; 0: all")] = 0,
) -> None:
    """Find instances in images, a video or a camera; write COCO results, and what was found drawn on the images.

    Ctrl-C ends a camera, and what was found is kept.
    """
    from empaste.detectors.detecting import DetectSettings
    from empaste.prediction import predict_files
    from empaste.videos import is_video

    settings = DetectSettings(min_score, max_detections, batch_size, num_threads, device)
    if is_video(source):
        _predict_video(source, model, out, settings, every=every, max_frames=max_frames)
        return
    done = predict_files(source, model, out, settings)
    print(f"{done.num_instances} instances in {done.num_images} images: {out}/results.json, {out}/overlays")
    for text in done.passed_over:
        print(f"passed over: {text}", file=sys.stderr)
    for trouble in done.failed:
        print(f"left out: {trouble}", file=sys.stderr)
    if done.failed:
        total = done.num_images + len(done.failed)
        print(f"{len(done.failed)} of {total} images failed; what the others show is written", file=sys.stderr)
        raise typer.Exit(1)


def _predict_video(source: Path, model: Path, out: Path, settings: Any, *, every: int, max_frames: int) -> None:
    from empaste.video_prediction import VIDEO, predict_video

    done = predict_video(source, model, out, settings, every=every, max_frames=max_frames)
    print(f"{done.num_instances} instances in {done.num_frames} frames: {out}/{VIDEO}, {out}/results.json")
    if done.trouble:
        print(f"{done.trouble}; what was found before is written", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
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
        Path | None, typer.Option(help="where image files lie; default: data/images, of predictions the current folder")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="leave out what scores less; default 0, of a model 0.05")
    ] = None,
    max_detections: Annotated[int, typer.Option(min=1, help="of a model: most detections per image")] = 100,
    model: Annotated[Path, typer.Option(help="folder of a trained detector")] = HERE.detector,
) -> None:
    """Write results as a data set of another tool, or the detector for use without this project: docs/exporting.md.

    What the format cannot hold is counted and told before anything is written.
    """
    if out is None:
        raise InputError(
            f"there is nowhere to write; say what to export, then where to: empaste export model {shlex.quote(what)}"
        )
    if what == "model":
        if source is not None or images != "copy":
            raise InputError("a model has neither --source nor --images, which are for data sets; leave them out")
        from empaste.exporting.models.model_format import Limits
        from empaste.exporting.models.writing import export_model

        limits = Limits(0.05 if min_score is None else min_score, max_detections)
        print(f"{export_model(model, out, format_ or 'tensors', limits, image_folder or HERE.images)}: {out}")
        return
    from empaste.exporting.reading import Places
    from empaste.exporting.writing import export_data_set

    done = export_data_set(
        what,
        out,
        format_ or "coco",
        Places(HERE, source, image_folder),
        images=images,
        min_score=min_score or 0.0,
        tell=lambda line: print(line, file=sys.stderr),
    )
    print(f"{done.num_instances} instances in {done.num_images} images: {out}")


@app.command()
def pseudo_labels(
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="a new file, a COCO data set")],
    model: Annotated[Path, typer.Option(help="folder of a trained detector")] = HERE.detector,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="leave out detections below this score")] = 0.7,
    min_best: Annotated[
        float, typer.Option(min=0, max=1, help="but keep the best detection of each image and label from this score on")
    ] = 0.2,
    per_class: Annotated[int, typer.Option(min=0, help="most instances per class, best first; 0: all")] = 0,
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    batch_size: Annotated[int, typer.Option(min=1, help="images per batch")] = 4,
    num_threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: all cores")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps")] = "auto",
) -> None:
    """Write confident detections in the training images, of the classes of their labels, as a COCO file to paste."""
    from empaste.detectors.detecting import DetectSettings
    from empaste.pseudo_labels import MAX_DETECTIONS, write_pseudo_labels

    settings = DetectSettings(min_score, MAX_DETECTIONS, batch_size, num_threads, device)
    counts = write_pseudo_labels(out, model, images, labels, settings, min_best=min_best, per_class=per_class)
    for one in counts:
        print(
            f"{one.name}: {one.instances} instances; "
            f"{one.images_without} of {one.labelled_images} images of this label got none"
        )
    print(f"{sum(one.instances for one in counts)} instances: {out}")


@app.command()
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


@app.command()
def review(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on this machine; 0: a free one")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="open the page in the default browser")] = False,
) -> None:
    """Open a local page to judge foregrounds, mend their masks and correct labels: docs/review.md; until Ctrl-C."""
    from empaste.review.opening import serve_review

    serve_review(port, open_browser)


@app.command()
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


def main() -> None:
    """Run the command line; bad input and what the machine refuses end with a message and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # any name prints on any terminal
    try:
        app()
    except MACHINE_ERRORS as error:
        print(f"ERROR: {explain(error)}", file=sys.stderr)
        sys.exit(1)
