"""The papers' tables, run: a study is a list of rows, and a row is what differs from ``params.yaml``.

A new study is one new file with a `Study` and one line in `STUDIES`.
"""

from pathlib import Path

from empaste.errors import InputError
from empaste.studies import pseudo_labels
from empaste.studies.running import Study, run, table

STUDIES: dict[str, Study] = {
    "pseudo_labels": pseudo_labels.STUDY,
}


def run_study(name: str, seeds: int, folder: Path, jobs: int) -> str:
    """The table of study ``name`` over ``seeds`` repeats, as Markdown; it is also kept in ``folder/name.md``."""
    if name not in STUDIES:
        raise InputError(f"study is {name!r}; choose from {', '.join(STUDIES)}")
    study = STUDIES[name]
    text = table(
        study, run(study, range(seeds), folder / name, jobs), f"empaste study {name} --seeds {seeds} --jobs {jobs}"
    )
    (folder / f"{name}.md").write_text(text)
    return text
