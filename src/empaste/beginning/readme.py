"""The README of a project: what was found and chosen, and the next commands."""

from collections.abc import Iterator, Sequence

import yaml

from empaste.beginning.choices import Choice, PresetChoice
from empaste.beginning.found import Found

NEXT = """\
## Next

```sh
empaste inspect        # look at the images and labels before hours are spent: inspect/index.html
empaste plan           # what a run will take here, stage by stage
dvc repro              # run what is out of date; the next call goes on where one was interrupted
empaste summary        # the results; the page is report/index.html
```

Change one thing with `dvc exp run -S paste.n_p=2`; `params.yaml` explains every parameter. After `pip install` of
another version of empaste, `empaste init --update` renews the pipeline's files and keeps the values in `params.yaml`.
After images were added or removed, `empaste init --rescan` brings the labels up to date.
"""


def readme_text(name: str, found: Found, presets: PresetChoice, choices: Sequence[Choice], version: str) -> str:
    """The README of the project ``name``, in Markdown."""
    counts = f"{found.train:,} training and {found.val:,} validation images, {len(found.images_per_class)} classes"
    head = f"# {name}\n\nInstance segmentation from image-level labels, by empaste {version}. {counts}.\n"
    return f"{head}\n{NEXT}\n## What was chosen\n\n{''.join(_table(presets, choices))}"


def rows_of(presets: PresetChoice, choices: Sequence[Choice]) -> list[tuple[str, str, str]]:
    """Parameter, value, why: one row per choice, those of one name, value and reason in several sections joined."""
    rows = [("preset", " ".join(presets.names), presets.why)]
    joined: dict[tuple[str, str, str], list[str]] = {}
    for one in choices:
        section, _, name = one.key.partition(".")
        joined.setdefault((name, value_text(one.value), one.why), []).append(section)
    for (name, value, why), sections in joined.items():
        key = f"{sections[0]}.{name}" if len(sections) == 1 else f"{name} of {', '.join(sections)}"
        rows.append((key, value, why))
    return rows


def value_text(value: object) -> str:
    """The value as YAML, in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")


def _table(presets: PresetChoice, choices: Sequence[Choice]) -> Iterator[str]:
    yield "| parameter | value | why |\n|---|---|---|\n"
    for row in rows_of(presets, choices):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n"
