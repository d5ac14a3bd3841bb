"""The papers' tables, run: a study is a list of rows, and a row is what differs from ``params.yaml``.

A new study that ends with the evaluation of a detector is one new file with a `Study` and one line in `STUDIES`. One
whose rows stand on others that it runs, or that measures something else, has a function of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.settings import read_sections
from empaste.studies import mask_sources, pseudo_labels
from empaste.studies.contexts import study_contexts
from empaste.studies.foregrounds import parse_parts, study_foregrounds
from empaste.studies.long_tail import study_long_tail
from empaste.studies.running import Study, run, table
from empaste.studies.self_training import study_self_training

STUDIES: dict[str, Callable[[Mapping[str, Any]], Study]] = {
    "pseudo_labels": lambda _: pseudo_labels.STUDY,
    "mask_sources": lambda _: mask_sources.STUDY,
    "contexts": study_contexts,
}
"""By name, the study for the content of ``params.yaml``."""
CHAINED: dict[str, Callable[[Sequence[int], Path, int, str], str]] = {
    "long_tail": study_long_tail,
    "self_training": study_self_training,
}
"""By name, the function of a study whose rows stand on others that it runs first."""


def run_study(name: str, seeds: int, folder: Path, jobs: int, parts: Sequence[str] = ()) -> str:
    """The table of study ``name`` over ``seeds`` repeats, as Markdown; it is also kept in ``folder/name.md``.

    ``parts``, ``NAME=PATTERN`` of file names, are reported apart by the studies of foregrounds.
    """
    command = f"empaste study {name} --seeds {seeds} --jobs {jobs}"
    if name == "foregrounds":
        command += "".join(f" --part {part!r}" for part in parts)
        return study_foregrounds(range(seeds), folder, jobs, parse_parts(parts), command)
    if name not in (*STUDIES, *CHAINED):
        raise InputError(f"study is {name!r}; choose from {', '.join([*STUDIES, *CHAINED, 'foregrounds'])}")
    if parts:
        raise InputError(f"study {name} evaluates whole detectors and reports no --part; leave it out")
    if name in CHAINED:
        return CHAINED[name](range(seeds), folder, jobs, command)
    study = STUDIES[name](read_sections(HERE.params))
    text = table(study, run(study, range(seeds), folder / name, jobs), command)
    (folder / f"{name}.md").write_text(text)
    return text
