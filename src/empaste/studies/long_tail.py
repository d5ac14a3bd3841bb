"""What paste does for rare classes, for equal training iterations: EM-Paste's long tail, by selection of foregrounds.

The study runs its own stages from ``prepare`` to ``backgrounds`` once, on a long tail of the data set; its rows then
differ in what is pasted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from empaste.artifacts.metrics import read_metrics
from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.settings import read_sections
from empaste.studies.running import (
    FIGURES,
    Result,
    Study,
    detector_figures,
    hardware,
    read_results,
    run_stages,
    spread,
)

UPSTREAM_STAGES = (
    "prepare", "classifier", "proposals", "cams", "evidence", "features", "foregrounds", "captions", "backgrounds",
)  # fmt: skip
DEMO_TAIL = {"max_size": 75, "min_size": 5, "shape": 6.0}
"""``prepare.long_tail`` of the study on the demo, where params.yaml sets none."""
STUDY = Study(
    title="A long tail: mask AP50 per class, by what was pasted, for equal training iterations",
    stages=("paste", "train", "evaluate"),
    rows={
        "raw pseudo labels, no paste": {"paste.placement": "none"},
        "paste, uniform": {"paste.selection": "uniform"},
        "paste, balanced": {"paste.selection": "balanced"},
        "paste, repeat_factor": {"paste.selection": "repeat_factor"},
    },
    seeded=("paste.seed", "train.seed"),
)


def study_long_tail(seeds: Sequence[int], folder: Path, jobs: int, command: str, root: Path = Path()) -> str:
    """The table as Markdown, kept in ``folder/long_tail.md``: mAP, then AP50 of every class, the largest first."""
    work = folder / "long_tail"
    (upstream,) = run_stages(upstream_of(read_sections(root / HERE.params), root), [0], work, jobs, root, lambda _: {})
    sizes = read_metrics(HERE.below(upstream.folder).metrics / "prepare.json")["images_per_class"]
    done = run_stages(STUDY, seeds, work, jobs, root, class_figures, upstream.folder)
    text = table(read_results(done), sizes, command)
    write_whole(folder / "long_tail.md", text.encode())
    return text


def upstream_of(params: Mapping[str, Any], root: Path) -> Study:
    """What the rows stand on: the long tail of ``params``, or on the demo one of its own; `InputError` else."""
    section = params["prepare"]
    changes: dict[str, Any] = {}
    if not section["long_tail"]["max_size"]:
        if section["dataset"] != "demo":
            raise InputError(
                f"prepare.dataset is {section['dataset']!r} and prepare.long_tail.max_size is 0, so there is no long "
                "tail to study; set prepare.long_tail.max_size to the images of the largest class (the papers: 800)"
            )
        changes = {f"prepare.long_tail.{key}": value for key, value in DEMO_TAIL.items()}
    if section["root"]:  # a workspace lies elsewhere than the repository that a relative folder is below
        changes["prepare.root"] = str((root / Path(section["root"]).expanduser()).resolve())
    return Study(title="The long tail", stages=UPSTREAM_STAGES, rows={"upstream": changes}, seeded=())


def class_figures(folder: Path) -> dict[str, float | None]:
    """What `detector_figures` takes from a row, and mask AP50 by the class's name."""
    per_class = read_metrics(HERE.below(folder).metrics / "evaluate.json")["mask"]["AP50_per_class"]
    return {**per_class, **detector_figures(folder)}


def table(results: Sequence[Result], sizes: Mapping[str, int], command: str) -> str:
    """Markdown: per row the mean over the seeds ± its standard deviation; classes by ``sizes``, of equals by name."""
    names = sorted((name for name, size in sizes.items() if size), key=lambda name: (-sizes[name], name))
    titles = [*(f"m{name}" for name in FIGURES), *(f"{name} ({sizes[name]})" for name in names)]
    lines = [
        f"### {STUDY.title}",
        "",
        f"`{command}`: mean ± standard deviation over {len({result.seed for result in results})} seed(s) of paste and "
        f"training, on {hardware()}; in brackets the training images that show the class.",
        "",
        f"| | {' | '.join(titles)} |",
        f"|---|{'---|' * len(titles)}",
    ]
    for row in STUDY.rows:
        own = [result.figures for result in results if result.row == row]
        cells = [spread([figures.get(name) for figures in own]) for name in (*FIGURES, *names)]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
