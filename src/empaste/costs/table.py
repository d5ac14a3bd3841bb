"""A forecast as a person reads it: a table by stage, its sum, what to download, what is missing."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from empaste.costs.archives import FETCH
from empaste.costs.cost import Passes
from empaste.costs.downloads import Download
from empaste.costs.forecast import Forecast, Line
from empaste.costs.rates import Estimate, summed

OPEN, ON_CPU = "not measured", "on the CPU"
AT_MOST, SCALED, MORE = "≤", "~", ">"
UNITS = ((86400 * 2, 86400, "days"), (3600, 3600, "h"), (60, 60, "min"), (0, 1, "s"))
"""From so many seconds on a time is told in units of so many."""
PURPOSES = {"training": ", training", "word": ", words", "denoise": ", denoising", "decode": ", decoding"}
"""What a pass is for, by the last word of its kind; of others it goes without saying."""
RIGHT = (1, 2, 4, 5, 6, 7)
"""Columns of numbers."""


def print_forecast(forecast: Forecast) -> None:
    """Print ``forecast``."""
    print(*render(forecast), sep="\n")


def render(forecast: Forecast) -> Iterator[str]:
    """The lines of the whole report."""
    data, origin = forecast.data
    labels = data.pairs / data.train
    yield f"Plan of {forecast.title}: {data.train:,} training and {data.val:,} validation images, {origin}"
    yield f"{data.width} × {data.height} pixels in the mean, {data.classes} classes, {labels:.1f} labels per image"
    yield ""
    yield from aligned(_rows(forecast))
    yield ""
    yield from _legend(forecast)
    yield ""
    yield "To download:"
    yield from [f"  {line}" for line in _downloads(forecast)]
    yield ""
    yield "Missing here:"
    yield from [f"  {line}" for line in forecast.lacks or ("nothing",)]


def _rows(forecast: Forecast) -> list[tuple[str, ...]]:
    cores = forecast.cores
    on_all = f"{cores} CPU core{'s' if cores > 1 else ''}"
    heading = ("stage", "images", "segments", "forward passes", "steps", "disk", on_all, "GPU")
    rows: list[tuple[str, ...]] = [heading]
    for line in forecast.lines:
        rows += _rows_of(line, cores)
    return [*rows, _sum_row(forecast.lines, cores)]


def _rows_of(line: Line, cores: int) -> Iterator[tuple[str, ...]]:
    """A row of the stage with its first passes, and one more for each further one."""
    cost, mark = line.cost, AT_MOST if line.cost.at_most else ""
    first, *others = [passes_text(one) for one in cost.passes] or [""]
    yield (
        line.stage, number(cost.images, mark), number(cost.segments, mark), first, number(cost.steps),
        size_text(line.disk_bytes), time_text(line.core, cores), gpu_text(line.gpu),
    )  # fmt: skip
    for text in others:
        yield ("", "", "", text, "", "", "", "")


def _sum_row(lines: Sequence[Line], cores: int) -> tuple[str, ...]:
    """What is known of all stages together; on the GPU of those that it has something to do for."""
    core = summed([line.core for line in lines])
    gpu = summed([line.gpu for line in lines if line.gpu])
    steps = sum(line.cost.steps for line in lines)
    disk = size_text(sum(line.disk_bytes for line in lines))
    return ("sum", "", "", "", number(steps), disk, time_text(core, cores), gpu_text(gpu))


def passes_text(passes: Passes) -> str:
    """How many passes of which network at which side, and what for where it does not just look."""
    name = PurePosixPath(passes.network.rpartition(":")[2]).name
    purpose = PURPOSES.get(passes.kind.rpartition(".")[2], "")
    return f"{number(passes.count, AT_MOST if passes.at_most else '')} × {name} {passes.side} px{purpose}"


def number(value: int, mark: str = "") -> str:
    """``value`` with its thousands parted; nothing for 0."""
    return f"{mark}{value:,}" if value else ""


def size_text(num_bytes: float) -> str:
    """A number of bytes in the largest unit of which there is one; nothing under a megabyte."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if num_bytes >= unit:
            return f"{short(num_bytes / unit)} {name}"
    return ""


def time_text(estimate: Estimate, cores: int = 1) -> str:
    """The time on ``cores`` that share the work, marked where it is scaled or in part; nothing for none."""
    if not estimate.seconds:
        return OPEN if estimate.seconds is None else ""
    seconds = estimate.seconds / cores
    _, unit, name = next(one for one in UNITS if seconds >= one[0])
    marks = (MORE if estimate.partial else "") + (SCALED if estimate.scaled else "")
    return f"{marks}{short(seconds / unit)} {name}"


def short(value: float) -> str:
    """``value`` with one decimal below 10, with none from there on."""
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def gpu_text(estimate: Estimate | None) -> str:
    """The time on a GPU; or that there is nothing for it to do."""
    return ON_CPU if estimate is None else time_text(estimate)


def _legend(forecast: Forecast) -> Iterator[str]:
    """Where the figures are from, and what their marks mean."""
    core, gpu = forecast.rates.core, forecast.rates.gpu
    yield f"{AT_MOST}: at most, since it depends on the images. {SCALED}: estimate, scaled by FLOP from a measurement."
    yield f"{MORE}: more than this, since parts of it were not measured."
    yield f"CPU: rates of {core.hardware}, float32 ({core.command}), shared evenly by the cores of this machine."
    yield f"GPU: {gpu.hardware}, where training was measured (docs/lab/detector_speed.md), and nothing in float32."
    yield "Disk: outputs, of which DVC's cache holds a copy where the file system cannot share blocks (reflinks)."


def _downloads(forecast: Forecast) -> list[str]:
    archives = FETCH[forecast.dataset].archives if forecast.lacks_data else ()
    lines = [f"{one.url} ({size_text(one.size)})" for one in archives]
    return [*lines, *map(download_text, forecast.downloads)] or ["nothing"]


def download_text(one: Download) -> str:
    """The name, the size where it is known, and whether it is here."""
    size = size_text(one.size) if one.size else "of unknown size"
    return f"{one.name} ({size}; {one.key}){', which is in the cache' if one.is_here else ''}"


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A line per row, its cells padded to the width of their column; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if column in RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
