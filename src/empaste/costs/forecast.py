"""What a run of the pipeline would take: its settings, the size of its data set, and a line per stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from empaste.costs.archives import FETCH
from empaste.costs.cost import Cost
from empaste.costs.counting import Counted, count_data_set, is_there
from empaste.costs.downloads import Download, list_downloads
from empaste.costs.rates import Estimate, Rates, core_seconds, gpu_seconds, read_rates, summed
from empaste.costs.scale import scale_of
from empaste.costs.stages import STAGES
from empaste.doctor.check import run
from empaste.doctor.registry import PARAMETERS
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.params import Params
from empaste.presets import chosen, override
from empaste.proposals import METHODS
from empaste.scaleout import num_workers
from empaste.settings import read_sections, validate

NO_ROOT = "prepare.root-is-not-set"
"""What stands for a root that is not given: no folder is called so."""
MILLI = 1e-3


@dataclass(frozen=True)
class Line:
    """What one stage takes: ``core`` in seconds of one core of a CPU, all of it; ``gpu`` of what a GPU would do of it.

    ``gpu`` is None where a GPU has nothing to do. Of each pass of the cost there is one estimate, in order, in
    ``passes``.
    """

    stage: str
    cost: Cost
    core: Estimate
    passes: tuple[Estimate, ...]
    gpu: Estimate | None
    disk_bytes: float


@dataclass(frozen=True)
class Forecast:
    """What a run takes, what it downloads, and what it lacks: one sentence each, with what to do."""

    title: str
    dataset: str
    data: Counted
    lines: tuple[Line, ...]
    downloads: tuple[Download, ...]
    lacks: tuple[str, ...]
    lacks_data: bool
    cores: int
    rates: Rates


def make_forecast(presets: Sequence[str], settings: Sequence[str]) -> Forecast:
    """The forecast for the workspace's parameters with ``presets`` and the ``key=value`` items ``settings`` over them.

    `InputError` for an unknown preset or key, values that are not valid, a folder that lacks what the data set has, a
    folder given with the demo, and a data set of one's own that is not there.
    """
    sections = override(read_sections(HERE.params), chosen(presets, settings))
    params = validate(_with_root(sections), Params, HERE.params)
    counted, rates = count_data_set(params.prepare), read_rates()
    scale = scale_of(params, counted.counts)
    return Forecast(
        title=" ".join(presets) or str(HERE.params),
        dataset=params.prepare.dataset,
        data=counted,
        lines=tuple(make_line(name, cost(params, scale), rates) for name, cost in STAGES.items()),
        downloads=tuple(list_downloads(params)),
        lacks=tuple(list_lacks(params)),
        lacks_data=not is_there(params.prepare),
        cores=num_workers(),
        rates=rates,
    )


def _with_root(sections: Mapping[str, Any]) -> Mapping[str, Any]:
    """``sections`` with a root that stands for none, where the data set needs one and its publisher has counted it."""
    prepare = sections.get("prepare")
    if not isinstance(prepare, Mapping):
        return sections
    dataset, root = prepare.get("dataset"), prepare.get("root")
    if dataset == "demo" and root:
        raise InputError(
            f"prepare.root is {root!r}, but prepare.dataset is demo, which is drawn; leave the root out, or name a "
            "preset of that data set, such as voc, coco or photos"
        )
    if root or dataset not in FETCH:
        return sections
    if FETCH[dataset].published is None:
        raise InputError(f"the data set {dataset} is one's own, and prepare.root is not set; {FETCH[dataset].command}")
    return override(sections, {"prepare.root": NO_ROOT})


def make_line(stage: str, cost: Cost, rates: Rates) -> Line:
    """The times and the bytes of a stage's cost."""
    passes = tuple(core_seconds(one, rates) for one in cost.passes)
    tasks = [Estimate(one.count * operation_seconds(one.operation, rates)) for one in cost.tasks]
    gpu = summed([gpu_seconds(one, rates) for one in cost.passes]) if cost.passes else None
    disk = sum(one.count * rates.core.bytes[one.operation] for one in cost.written)
    return Line(stage, cost, summed([*passes, *tasks]), passes, gpu, disk)


def operation_seconds(operation: str, rates: Rates) -> float:
    """The CPU seconds of one core that an operation takes; of a proposal method as its record states them."""
    group, _, name = operation.partition(".")
    return MILLI * float(METHODS[name].speed) if group == "propose" else rates.core.operations[operation]


def list_lacks(params: Params) -> list[str]:
    """What keeps a run from starting: the data set, packages to install, files that are not there; with what to do."""
    prepare = params.prepare
    if is_there(prepare):
        lacks = []
    else:
        said = "prepare.root is not set" if prepare.root == NO_ROOT else f"{prepare.root!r} does not exist"
        lacks = [f"the data set {prepare.dataset}: {said}; {FETCH[prepare.dataset].command}"]
    # The data set was looked at above, by its own reader.
    elsewhere = params.model_copy(update={"prepare": prepare.model_copy(update={"dataset": "demo"})})
    return lacks + [check.text for check in run(PARAMETERS, elsewhere) if check.state == "broken"]
