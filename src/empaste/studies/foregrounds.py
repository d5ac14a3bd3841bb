"""F-EM, one setting changed at a time: Step 1, distances, covariances, inliers, evidence; over seeds of the classifier.

The stages that F-EM stands on are run once per seed; F-EM itself is then run in this process for every row. Ground
truth of the training split measures the rows. Images are halved in the order of their ids: settings are to be chosen on
one half and reported on the other. F-EM itself always runs on all images: it needs no masks.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from
from empaste.artifacts.truth import IOU50, read_truth
from empaste.errors import InputError
from empaste.foregrounds import quality
from empaste.foregrounds.covariances import COVARIANCES
from empaste.foregrounds.distances import DISTANCES
from empaste.foregrounds.initial import INITIAL
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import Tables, read_tables
from empaste.layout import HERE
from empaste.settings import read_sections
from empaste.studies.running import Study, Workspace, hardware, override, run_stages, spread

UPSTREAM = Study(
    title="What F-EM stands on",
    stages=("classifier", "cams", "evidence", "features"),
    rows={"upstream": {}},
    seeded=("classifier.seed",),
)
LIKELIHOOD = {"evidence_weight": 0.0, "num_best": 0}
PAPERS = LIKELIHOOD | {"initial": "published", "covariance": "ledoit_wolf", "normalise": False, "max_components": 1}
ROWS: dict[str, dict[str, Any]] = {
    "as in params.yaml": {},
    "the papers' text: published, mahalanobis": PAPERS | {"distance": "mahalanobis"},
    "the papers' figure: published, cosine": PAPERS | {"distance": "cosine"},
    **{f"initial {name}": {"initial": name} for name in INITIAL},
    **{f"initial {name}, weight 0": LIKELIHOOD | {"initial": name} for name in INITIAL},
    **{f"evidence weight {weight}": {"evidence_weight": weight} for weight in (0.25, 0.5, 1.0, 2.0, 4.0)},
    **{f"{name}": {"distance": name} for name in DISTANCES},
    **{f"{name}, weight 0": LIKELIHOOD | {"distance": name} for name in DISTANCES},
    **{
        f"{distance}, {name}": {"distance": distance, "covariance": name}
        for distance in ("mahalanobis", "relative_mahalanobis")
        for name in COVARIANCES
    },
    **{f"normalise {value}".lower(): {"normalise": value} for value in (True, False)},
    **{f"k {percent}": {"keep_percent": percent} for percent in (30, 50, 70, 100, [30, 50, 70])},
    "5 best by evidence": {"num_best": 5},
    "mixture of up to 3": {"max_components": 3},
}
"""By name, what differs from the section ``foregrounds`` of params.yaml."""
BEST = "the best segment there is"


@dataclass(frozen=True)
class Inputs:
    """What F-EM reads, of one seed, and the best IoU of each segment per class."""

    tables: Tables
    ious: pd.DataFrame
    part_of: dict[str, set[int]]


class Outcome(NamedTuple):
    """Precision at `IOU50` of one iteration, in percent, of the foregrounds of one part and half."""

    row: str
    seed: int
    part: str
    half: str
    table: str
    precision50: float | None
    foregrounds: int


def study_foregrounds(
    seeds: Sequence[int], folder: Path, jobs: int, parts: Mapping[str, str], command: str, root: Path = Path()
) -> str:
    """The table as Markdown, kept in ``folder/foregrounds.md``, and every figure in ``folder/foregrounds.csv``.

    ``parts`` maps names to patterns of file names: such images are reported apart, too.
    """
    done = run_stages(UPSTREAM, seeds, folder / "foregrounds", jobs, root, lambda _: {})
    base = read_sections(root / HERE.params)
    outcomes: list[Outcome] = []
    progress = tqdm(total=len(done) * len(ROWS), desc="F-EM", unit="run")
    for workspace in done:
        inputs = read_inputs(workspace, root, parts)
        outcomes += _measure(BEST, workspace.seed, {"iter_0": _best_choice(inputs)}, inputs)
        for row, changes in ROWS.items():
            settings = override(base, {f"foregrounds.{key}": value for key, value in changes.items()})["foregrounds"]
            outcomes += _remembered(row, settings, workspace, inputs)
            progress.update()
    frame = pd.DataFrame(outcomes)
    write_whole(folder / "foregrounds.csv", frame.to_csv(index=False).encode())
    text = table(frame, command)
    write_whole(folder / "foregrounds.md", text.encode())
    return text


def read_inputs(workspace: Workspace, root: Path, parts: Mapping[str, str]) -> Inputs:
    """What F-EM reads, from the outputs of one seed's stages and of the pipeline in ``root``."""
    here, upstream = HERE.below(root), HERE.below(workspace.folder)
    tables = read_tables(here.labels, here.segments, upstream.cams, upstream.features, upstream.evidence)
    ious = quality.segment_ious(tables.segments, read_truth(here.train_truth), tables.class_ids)
    if ious.empty:
        raise InputError(
            "data/ground_truth/train.json has no masks to measure foregrounds with; study a data set that has some"
        )
    return Inputs(tables, ious, _parts(read_from(here.images, Images), parts))


def table(outcomes: pd.DataFrame, command: str) -> str:
    """Markdown: per part and row the mean over the seeds ± its standard deviation, the best choice bold.

    Columns are the last iteration on that half, and on the other Step 1, every iteration and the pool.
    """
    lines = [
        f"### F-EM: precision of the foregrounds at IoU {IOU50}",
        "",
        f"`{command}`: mean ± standard deviation over {outcomes['seed'].nunique()} seed(s) of the classifier, on "
        f"{hardware()}. Settings differ from params.yaml in what the row names; the best on the half of the images "
        "that chooses is bold, all other columns are of the other half.",
    ]
    for part, own in outcomes.groupby("part", sort=False):
        lines += ["", f"#### {part}", "", *_part_lines(own)]
    return "\n".join(lines) + "\n"


def _part_lines(outcomes: pd.DataFrame) -> Iterator[str]:
    names = [*sorted({name for name in outcomes["table"] if name != "pool"}, key=lambda name: int(name[5:])), "pool"]
    titles = ["Step 1", *(f"iteration {name[5:]}" for name in names[1:-1]), "pool"]
    yield f"| | choosing: last iteration | {' | '.join(titles)} |"
    yield f"|---|---|{'---|' * len(titles)}"
    choosing = outcomes[(outcomes["half"] == "choose") & (outcomes["row"] != BEST)]
    means = choosing[choosing["table"] == names[-2]].groupby("row")["precision50"].mean()
    for row, own in outcomes.groupby("row", sort=False):
        cells = [_cell(own, "choose", names[-2]), *(_cell(own, "report", name) for name in names)]
        bold = "**" if len(means) and row == means.idxmax() else ""
        yield f"| {bold}{row}{bold} | {' | '.join(cells)} |"


def _cell(outcomes: pd.DataFrame, half: str, name: str) -> str:
    values = outcomes[(outcomes["half"] == half) & (outcomes["table"] == name)]["precision50"]
    return spread([None if pd.isna(value) else value for value in values])


def _remembered(row: str, settings: dict[str, Any], workspace: Workspace, inputs: Inputs) -> list[Outcome]:
    """The outcomes of one row and seed; run once for the same settings, inputs, parts and code."""
    checked = ForegroundsSettings.model_validate(settings)
    code = sorted(Path(quality.__file__).parent.glob("*.py"))
    parts = {name: sorted(ids) for name, ids in inputs.part_of.items()}
    key = hashlib.sha256(json.dumps([settings, parts], sort_keys=True).encode())
    key.update(b"".join(path.read_bytes() for path in code))
    file = workspace.folder / "rows" / f"{key.hexdigest()[:24]}.json"
    if not file.exists():
        chosen = select_foregrounds(checked, inputs.tables)
        found = _measure(row, workspace.seed, chosen, inputs)
        write_whole(file, json.dumps([outcome._asdict() for outcome in found]).encode())
    return [Outcome(**{**content, "row": row}) for content in json.loads(file.read_text())]


def _measure(row: str, seed: int, chosen: Mapping[str, pd.DataFrame], inputs: Inputs) -> list[Outcome]:
    """Every part's halves: the images at even places, by id, choose, the others report."""
    outcomes = []
    place_of = {image_id: place for place, image_id in enumerate(sorted(inputs.part_of["all"]))}
    for name, foregrounds in chosen.items():
        judged = foregrounds.merge(inputs.ious, on=["class_id", "segment_id"])
        right, odd = judged["iou"].to_numpy() >= IOU50, judged["image_id"].map(place_of).to_numpy() % 2
        for part, ids in inputs.part_of.items():
            inside = judged["image_id"].isin(ids).to_numpy()
            for half, place in (("choose", 0), ("report", 1)):
                own = right[inside & (odd == place)]
                precision = 100 * float(own.mean()) if own.size else None
                outcomes.append(Outcome(row, seed, part, half, name, precision, int(own.size)))
    return outcomes


def _best_choice(inputs: Inputs) -> pd.DataFrame:
    """Per (image, class) the segment of highest IoU: what no choice can exceed."""
    segments, cams = inputs.tables.segments[["image_id", "segment_id"]], inputs.tables.cams[["image_id", "class_id"]]
    judged = cams.merge(segments, on="image_id").merge(inputs.ious, on=["class_id", "segment_id"])
    best = judged.sort_values("iou", ascending=False, kind="stable").drop_duplicates(["image_id", "class_id"])
    return best[["image_id", "class_id", "segment_id"]]


def _parts(images: pd.DataFrame, patterns: Mapping[str, str]) -> dict[str, set[int]]:
    """The training images of every part, all of them first."""
    training = images[images["split"] == "train"]
    parts = {"all": set(training["image_id"].tolist())}
    for name, pattern in patterns.items():
        wanted = [fnmatchcase(Path(file).name, pattern) for file in training["file_name"]]
        parts[name] = set(training["image_id"][wanted].tolist())
        if not parts[name]:
            raise InputError(f"no training image's file name fits {pattern!r} of --part {name}={pattern}; correct it")
    return parts


def parse_parts(options: Sequence[str]) -> dict[str, str]:
    """``NAME=PATTERN`` options as a mapping."""
    parts = dict(option.partition("=")[::2] for option in options)
    for option in options:
        if not all(option.partition("=")) or option.startswith("all="):
            raise InputError(f"--part is {option!r}; write a name (not all), = and a pattern such as voc='[!1]*'")
    return parts
