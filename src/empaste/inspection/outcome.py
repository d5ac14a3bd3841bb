"""``empaste inspect`` on the terminal, and its files: ``index.html`` and ``findings.csv``."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from empaste.artifacts.outputs import write_whole
from empaste.costs.forecast import make_forecast
from empaste.costs.table import render
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.inspection.findings import BAD, LOOK, OK, OPEN, Finding, findings_table, summarise_findings
from empaste.inspection.inspecting import Inspection, inspect_data_set
from empaste.inspection.page import render_page
from empaste.layout import HERE, pipeline_folder
from empaste.presets import override
from empaste.settings import read_sections, validate

MARKS = {OK: "✓", LOOK: "!", BAD: "✗", OPEN: "–"}
NO_COSTS = f"There is no {HERE.params} here; in a project, empaste plan says what a run costs."

NO_FORECAST = "What a run costs cannot be told: "


def inspect(root: Path | None, dataset: str | None, out: Path, max_images: int) -> None:
    """``out`` holds the page and the table of what was found, and the terminal shows the findings.

    The data set is that of ``params.yaml`` here, unless ``root`` and ``dataset`` (by default a folder) name another.
    `InputError` where there is none, or it is broken; nothing is written then.
    """
    changes = named_data_set(root, dataset)
    in_project = HERE.params.exists()
    if not in_project and root is None:
        raise InputError(f"there is no {HERE.params} here; run in a project, or name a data set: --root DIR")
    path = HERE.params if in_project else pipeline_folder() / HERE.params
    sections = override(read_sections(path), changes)
    settings = validate(sections["prepare"], PrepareSettings, path, "prepare")
    found = inspect_data_set(settings, float(sections["proposals"]["min_area"]), max_images)
    costs = _costs([f"{key}={value}" for key, value in changes.items()]) if in_project else []
    write_whole(out / "findings.csv", findings_table(found).to_csv(index=False).encode())
    write_whole(out / "index.html", render_page(found, costs, NO_COSTS).encode())
    print_findings(found, costs)
    print(f"the page: {out}/index.html; image by image: {out}/findings.csv")


def named_data_set(root: Path | None, dataset: str | None) -> dict[str, str]:
    """The parameters that the options set; `InputError` for a kind without a root."""
    if root is None:
        if dataset is not None:
            raise InputError("--dataset says of which kind --root is; give --root, too, or neither")
        return {}
    return {"prepare.dataset": dataset or "folder", "prepare.root": str(root.absolute())}


def _costs(items: list[str]) -> list[str]:
    """The lines of the forecast, or why there is none: what stops a run is a finding here, and no end."""
    try:
        return list(render(make_forecast([], items)))
    except InputError as error:
        return [f"{NO_FORECAST}{error}"]


def print_findings(found: Inspection, costs: list[str]) -> None:
    """Print the findings, and of the forecast the sum, or why there is none."""
    table = Table("", "checked", "found", "what to do")
    for one in summarise_findings(found):
        table.add_row(*map(Text, _cells(one)))
    Console().print(table)
    for line in _sum_of(costs):
        print(line)


def _cells(one: Finding) -> tuple[str, str, str, str]:
    return MARKS[one.state], one.what, one.result, one.advice


def _sum_of(costs: list[str]) -> Iterator[str]:
    """The heading and the last row of the forecast's table, or why there is none."""
    for line in costs:
        if line.startswith(("stage ", "sum ", NO_FORECAST)):
            yield line
