r"""What an item costs as data sets grow: steps of the pipeline on 1,000, 10,000 and 100,000 generated items.

    python -m benchmarks.flat_cost                                  # some 25 minutes of one thread, 3 GB of disk
    python -m benchmarks.flat_cost --size 1000 --size 10000         # four minutes
    python -m benchmarks.flat_cost --write                          # and replace docs/results/flat_cost.{json,svg}

Images are of 48 × 48 pixels, since work on pixels does not depend on how many images there are: what is measured is
reading, joining, choosing, writing, and DVC's hashing, pushing and checking out of a folder of files. Every step of
every size is a process of its own with one thread (`benchmarks.flat_steps`). Times are CPU seconds; sizes up to
`REPEATED` run three times, and the least counts. The growth of a step is its cost of one more item between the two
largest sizes, over that between the two before: 1 is flat, whatever a step costs to begin. Memory is what a process
held at most. What was measured stays in ``.work/flat_cost``: an interrupted command goes on. The last line is one JSON
object.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import typer

from benchmarks.flat_steps import COUNTS, STEPS
from benchmarks.stage_rates import hardware
from empaste.artifacts.outputs import write_json, write_whole

SIZES = (1_000, 10_000, 100_000)
REPEATED, REPEATS = 1_000, 3
LARGEST_GROWTH, LIMIT_MIB = 1.15, 8 * 1024
DATA_SETS = {"VOC": 10_582, "COCO": 118_287, "100 million": 100_000_000}
"""Training images."""
REPOSITORY = Path(__file__).resolve().parents[1]
WORK = REPOSITORY / ".work/flat_cost"
RESULT = REPOSITORY / "docs/results/flat_cost.json"

Measured = dict[str, Any]
"""What `flat_steps.measure` gives."""


def main(
    size: Annotated[list[int] | None, typer.Option(help="items; may be repeated")] = None,
    step: Annotated[list[str] | None, typer.Option(help="only steps up to the last of these; may be repeated")] = None,
    write: Annotated[bool, typer.Option("--write", help="replace the shipped result and figure")] = False,
) -> None:
    """Measure every step at every size, print a table, and write where asked."""
    sizes = sorted(size or SIZES)
    steps = list(STEPS)[: 1 + max(map(list(STEPS).index, step))] if step else list(STEPS)
    by_step: dict[str, list[Measured]] = {name: [] for name in steps}
    for items in sizes:
        for name, figures in cheapest(items, steps).items():
            by_step[name].append(figures)
    result: dict[str, Any] = {
        "hardware": hardware(),
        "command": "python -m benchmarks.flat_cost --write",
        "steps": {name: summarise(name, rows) for name, rows in by_step.items()},
    }
    print(*table(result["steps"]), sep="\n")
    if write:
        write_json(RESULT, result)
        draw(by_step, RESULT.with_suffix(".svg"))
    print(json.dumps(result))


def cheapest(items: int, steps: Sequence[str]) -> dict[str, Measured]:
    """Of every step the run that took the least CPU."""
    repeats = REPEATS if items <= REPEATED else 1
    runs = [measure_size(items, steps, WORK / f"{items}-{number}") for number in range(repeats)]
    return {name: min((run[name] for run in runs), key=lambda one: one["cpu_seconds"]) for name in steps}


def measure_size(items: int, steps: Sequence[str], folder: Path) -> dict[str, Measured]:
    """The steps, one after the other, on ``items`` items below ``folder``, where what they took is kept."""
    workspace = folder / "workspace"
    workspace.mkdir(parents=True, exist_ok=True)
    for name in steps:
        kept = folder / f"{name}.json"
        if not kept.exists():
            run_step(name, "make", items, workspace)
            write_whole(kept, run_step(name, "run", items, workspace).splitlines()[-1].encode())
            print(name, kept.read_text(), file=sys.stderr)
    if steps == list(STEPS):
        shutil.rmtree(workspace)
    return {name: json.loads((folder / f"{name}.json").read_bytes()) for name in steps}


def run_step(name: str, what: str, items: int, workspace: Path) -> str:
    """What the process of the step said."""
    paths = os.pathsep.join(map(str, (REPOSITORY / "src", REPOSITORY)))
    one = {"PYTHONPATH": paths, "EMPASTE_WORKERS": "1", "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.flat_steps", name, what, str(items)],
        cwd=workspace, env=os.environ | one, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} of {items} items ended with exit code {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def summarise(name: str, rows: Sequence[Measured]) -> dict[str, Any]:
    """All figures of a step: what was measured, growth, and what it would take for `DATA_SETS`."""
    used = [{"items": one["items"], "memory": one["mib_peak"] - one["mib_before"]} | one for one in rows]
    summary: dict[str, Any] = {
        "sizes": [{key: rounded(value) for key, value in one.items() if key != "memory"} for one in used],
        "ms_per_item": [rounded(1000 * one["cpu_seconds"] / one["items"]) for one in rows],
        "item": COUNTS[name].described,
    }
    if len(rows) > 1:
        ms, kib = (list(slopes(used, key, unit)) for key, unit in (("cpu_seconds", 1000.0), ("memory", 1024.0)))
        summary |= {"ms_of_one_more": rounded(ms[-1]), "kib_of_one_more": rounded(kib[-1])}
        summary["projected"] = {called: project(name, used[-1], ms[-1], kib[-1], n) for called, n in DATA_SETS.items()}
    if len(rows) > 2:
        summary |= {"growth": rounded(ms[-1] / ms[-2]), "memory_growth": rounded(kib[-1] / kib[-2])}
    return summary


def slopes(rows: Sequence[Measured], key: str, unit: float) -> Iterator[float]:
    """Between each two sizes what one more item takes, in thousandths or so of what ``key`` is in."""
    for fewer, more in pairwise(rows):
        yield unit * (more[key] - fewer[key]) / (more["items"] - fewer["items"])


def project(name: str, last: Measured, ms: float, kib: float, images: int) -> dict[str, float]:
    """CPU hours of one core and GiB for so many ``images``, each with as much to do as one of COCO."""
    own = COUNTS[name]
    more = images * own.coco / own.generated - last["items"]
    seconds = max(last["cpu_seconds"] + more * ms / 1000, 0)
    mib = max(last["mib_peak"] + more * kib / 1024, last["mib_before"])
    return {"core_hours": rounded(seconds / 3600), "gib": rounded(mib / 1024)}


def rounded(value: float) -> float:
    """To three significant digits; whole numbers stay."""
    return value if isinstance(value, int) else float(f"{value:.3g}")


def table(steps: dict[str, Any]) -> Iterator[str]:
    """Markdown: a row per step."""
    sizes = [one["items"] for one in next(iter(steps.values()))["sizes"]]
    titles = ["step", *(f"{items:,}: ms" for items in sizes), "growth", f"MiB at {sizes[-1]:,}", "KiB of one more"]
    yield f"| {' | '.join(titles)} |"
    yield f"|---|{'---:|' * (len(titles) - 1)}"
    for name, own in steps.items():
        growth = own.get("growth", "")
        mark = " !" if growth and growth > LARGEST_GROWTH else ""
        peak = own["sizes"][-1]["mib_peak"]
        cells = [name, *own["ms_per_item"], f"{growth}{mark}", f"{peak:.0f}{' !' if peak > LIMIT_MIB else ''}"]
        yield f"| {' | '.join(map(str, [*cells, own.get('kib_of_one_more', '')]))} |"


def draw(by_step: dict[str, list[Measured]], figure: Path) -> None:
    """CPU time per item, and memory, against the number of items."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "flat_cost"
    from matplotlib import pyplot as plt

    canvas, (times, memory) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for name, rows in by_step.items():
        items = [one["items"] for one in rows]
        times.plot(items, [1000 * one["cpu_seconds"] / one["items"] for one in rows], "o-", label=name)
        memory.plot(items, [one["mib_peak"] / 1024 for one in rows], "o-")
    memory.axhline(LIMIT_MIB / 1024, color="gray", linestyle=":")
    for axes, label in ((times, "CPU milliseconds per item"), (memory, "GiB at most (dotted: the limit)")):
        axes.set(xscale="log", yscale="log", xlabel="items", ylabel=label)
        axes.grid(alpha=0.3)
    canvas.legend(loc="outside right center", frameon=False)
    canvas.savefig(figure, metadata={"Date": None})
    plt.close(canvas)


if __name__ == "__main__":
    typer.run(main)
