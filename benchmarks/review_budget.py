"""What a person's hour in ``empaste review`` is worth: a budget of decisions against precision and AP, simulated.

    python -m benchmarks.review_budget foregrounds      # precision of the pool alone: a minute on the demo
    python -m benchmarks.review_budget ap --seeds 3     # pastes, trains and evaluates at every budget

Run it where ``dvc repro`` has run without decisions. The person is simulated by an oracle, which reads the masks of the
training split: for measuring only, never as decisions of a project. It judges the first part of every class's
foregrounds in the order of the page, least sure first. With ``reject`` it keeps a mask that has an IoU of at least 0.5
with an instance of its class and rejects others; with ``mend`` it draws the instance in place of others. After each
budget F-EM runs once. How long a person takes is assumed, not measured: `SECONDS`.

``ap`` works in ``.work/review_budget``, where finished runs are kept: the same command goes on. Backgrounds stay those
of the run without decisions. Both write a figure; the last line is one JSON object.
"""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import matplotlib as mpl
import pandas as pd
import typer
import yaml

from empaste.artifacts.chosen_masks import with_by_hand
from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    read_foreground_decisions,
    write_foreground_decisions,
)
from empaste.artifacts.outputs import write_json, write_whole
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.tables import read_from
from empaste.artifacts.truth import IOU50, GroundTruth, read_truth
from empaste.errors import InputError
from empaste.foregrounds.decided import find_decided
from empaste.foregrounds.quality import foreground_metrics
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import read_tables
from empaste.layout import HERE, Layout
from empaste.review.foregrounds import Foreground, list_foregrounds, read_pool
from empaste.rle import RLE
from empaste.settings import load_settings

SECONDS = {"keep": 2.0, "reject": 2.0, "mend": 20.0}
"""Assumed seconds per decision: a glance and a key; some strokes of the brush."""
PERCENT = (0, 10, 25, 50, 100)
POLICIES = ("reject", "mend")
STAGES = ("foregrounds", "paste", "train", "evaluate")
WORK = Path(".work/review_budget")
REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = (
    "images", "labels", "segments", "cams", "features", "evidence", "classifier", "refined", "backgrounds",
    "train_truth", "val_truth",
)  # fmt: skip
"""Artifacts that no decision on foregrounds changes, or that are held as they are."""

Percent = Annotated[
    list[int] | None, typer.Option(help="percent of every class's foregrounds that are judged; may be repeated")
]

app = typer.Typer(add_completion=False, help=__doc__)


class Budget(NamedTuple):
    """So many percent of every class's foregrounds are judged, and what becomes of the wrong ones."""

    policy: str
    percent: int

    @property
    def name(self) -> str:
        """A folder's name."""
        return f"{self.policy}-{self.percent}"


def budgets(percent: Sequence[int]) -> Iterator[Budget]:
    """Every budget for every policy; without a decision all policies are one."""
    for policy in POLICIES:
        yield from (Budget(policy, part) for part in percent if part or policy == POLICIES[0])


def simulate(budget: Budget, places: Layout = HERE) -> list[ForegroundDecision]:
    """The oracle's decisions on the pool in ``places``; `InputError` where a person decided on it before."""
    if read_foreground_decisions(places.foreground_decisions):
        raise InputError(f"{places.foreground_decisions} holds decisions; measure on a run without any")
    pool, truth = read_pool(places), read_truth(places.train_truth)
    images, classes = read_from(places.images, Images), read_from(places.labels, Classes)
    image_ids = dict(zip(images["file_name"], images["image_id"], strict=True))
    class_ids = dict(zip(classes["name"], classes["class_id"], strict=True))
    shown = list_foregrounds(pool, {}, [])
    mends, decisions = budget.policy == "mend", []
    for name in pool.class_names:
        own = [one for one in shown if one.class_name == name]
        judged = own[: math.ceil(len(own) * budget.percent / 100)]
        decisions += [judge(one, truth, (image_ids[one.image], class_ids[name]), mends) for one in judged]
    return decisions


def judge(one: Foreground, truth: GroundTruth, label: tuple[int, int], mends: bool) -> ForegroundDecision:
    """The oracle's decision on a foreground of the (image, class) ``label``."""
    masks: list[RLE] = truth.masks(*label)
    if truth.best_ious([one.mask], *label)[0] >= IOU50:
        return ForegroundDecision(one.image, one.class_name, "keep", one.mask)
    if mends and masks:
        nearest = masks[int(truth.ious([one.mask], *label)[0].argmax())]
        return ForegroundDecision(one.image, one.class_name, "mend", one.mask, nearest)
    return ForegroundDecision(one.image, one.class_name, "reject", one.mask)


def cost(decisions: Sequence[ForegroundDecision]) -> dict[str, Any]:
    """How many decisions there are, by verdict, and the minutes that they are assumed to take."""
    verdicts: list[str] = [one.verdict for one in decisions]
    counts = {name: verdicts.count(name) for name in SECONDS}
    minutes = sum(SECONDS[name] * count for name, count in counts.items()) / 60
    return {"decisions": len(verdicts)} | counts | {"minutes": round(minutes, 1)}


def measure_pool(decisions: Sequence[ForegroundDecision], places: Layout = HERE) -> dict[str, Any]:
    """How good the pool is that F-EM chooses under ``decisions``."""
    settings = load_settings(places.params, "foregrounds", ForegroundsSettings)
    tables = read_tables(places.labels, places.segments, places.cams, places.features, places.evidence)
    classes = read_from(places.labels, Classes)
    decided = find_decided(decisions, read_from(places.images, Images), classes, tables.cams, tables.segments)
    chosen = select_foregrounds(settings, tables, decided)
    masks = with_by_hand(tables.segments, decided.by_hand)
    return pool_figures(foreground_metrics(chosen, masks, read_truth(places.train_truth), classes))


def pool_figures(metrics: Any) -> dict[str, Any]:
    """Of ``metrics/foregrounds.json``, what is said of the pool."""
    rates = {name: metrics[name]["pool"] for name in ("precision50", "mean_iou", "found")}
    return {"foregrounds": sum(metrics["masks_per_class"].values())} | rates


def run_budget(budget: Budget, seed: int, places: Layout = HERE) -> dict[str, Any]:
    """The figures of a run with the oracle's decisions; what was measured once is kept."""
    folder = WORK / f"{budget.name}-seed{seed}"
    kept = folder / "result.json"
    if not kept.exists():
        decisions = simulate(budget, places)
        there = make_workspace(folder, places, seed)
        write_foreground_decisions(there.foreground_decisions, decisions)
        for stage in STAGES:
            run_stage(stage, folder)
        metrics = {
            name: json.loads((there.metrics / f"{name}.json").read_text()) for name in ("foregrounds", "evaluate")
        }
        aps = {name: metrics["evaluate"]["mask"][name] for name in ("AP", "AP50", "AP75")}
        write_json(kept, cost(decisions) | pool_figures(metrics["foregrounds"]) | aps)
    result: dict[str, Any] = json.loads(kept.read_text())
    return result


def make_workspace(folder: Path, places: Layout, seed: int) -> Layout:
    """``folder`` is a run that shares the artifacts which no decision changes, with other seeds to paste and train."""
    shutil.rmtree(folder, ignore_errors=True)
    there = HERE.below(folder)
    for name in SHARED:
        target: Path = getattr(there, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(getattr(places, name).resolve())
    params = yaml.safe_load(places.params.read_text())
    for section in ("paste", "train"):
        params[section]["seed"] = seed
    write_whole(there.params, yaml.safe_dump(params, sort_keys=False).encode())
    return there


def run_stage(stage: str, folder: Path) -> None:
    """The stage has run in ``folder``; its output stands there as ``<stage>.log``."""
    paths = os.pathsep.join(map(str, (REPOSITORY / "src", REPOSITORY)))
    with (folder / f"{stage}.log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=folder, env=os.environ | {"PYTHONPATH": paths}, stdout=log, stderr=log, check=True,
        )  # fmt: skip


def show(rows: pd.DataFrame, figure: Path) -> None:
    """Print the table and a JSON object, and draw the figure."""
    print(rows.to_string(index=False))
    draw(rows, figure)
    print(json.dumps({"seconds_assumed": SECONDS, "rows": rows.to_dict("records"), "figure": str(figure)}))


def draw(rows: pd.DataFrame, figure: Path) -> None:
    """Minutes of a person against AP50, where it was measured, else against the pool's precision."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "review_budget"
    from matplotlib import pyplot as plt

    shown = "AP50" if "AP50" in rows else "precision50"
    canvas, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for policy, colour in zip(POLICIES, ("#0969da", "#8250df"), strict=True):
        own = rows[(rows["policy"] == policy) | (rows["percent"] == 0)]
        own = own.groupby("percent", as_index=False).mean(numeric_only=True)
        axes.plot(own["minutes"], own[shown], "o-", color=colour, label=f"keep, {policy} the others")
    axes.set(xlabel="minutes of a person (assumed: 2 s to keep or reject, 20 s to mend)")
    axes.set(ylabel="mask AP50 (validation)" if shown == "AP50" else "foregrounds right at IoU 0.5 (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(figure, metadata={"Date": None})
    plt.close(canvas)


@app.command()
def foregrounds(
    percent: Percent = None,
    figure: Annotated[Path, typer.Option(help="a new SVG file")] = WORK / "foregrounds.svg",
) -> None:
    """Measure the pool at every budget."""
    rows = []
    for budget in budgets(percent or PERCENT):
        decisions = simulate(budget)
        rows.append(budget._asdict() | cost(decisions) | measure_pool(decisions))
    show(pd.DataFrame(rows), figure)


@app.command()
def ap(
    percent: Percent = None,
    seeds: Annotated[int, typer.Option(min=1, help="repeats with other seeds to paste and train")] = 1,
    figure: Annotated[Path, typer.Option(help="a new SVG file")] = WORK / "ap.svg",
) -> None:
    """Paste, train and evaluate at every budget."""
    rows = []
    for seed in range(seeds):
        for budget in budgets(percent or PERCENT):
            rows.append(budget._asdict() | {"seed": seed} | run_budget(budget, seed))
            print(json.dumps(rows[-1]), file=sys.stderr)
    show(pd.DataFrame(rows), figure)


if __name__ == "__main__":
    app()
