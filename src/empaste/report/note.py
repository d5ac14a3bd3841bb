"""What MLflow shows first of a run: its figures as Markdown, and as metrics whose names sort before all others."""

import html
import re
from collections.abc import Mapping
from typing import Any

from empaste.artifacts.metrics import Number
from empaste.report import figures

MAX_CLASSES = 40
"""Rows of the table per class, at most; MLflow cuts a long note off."""


def headline_metrics(metrics: figures.Metrics) -> dict[str, Number]:
    """The headline's figures that were measured, by names such as ``1 mask AP50``: numbers sort before letters."""
    numbered = enumerate(figures.headline(metrics).items(), start=1)
    return {f"{number} {title.replace(',', '')}": value for number, (title, value) in numbered if value is not None}


def run_note(metrics: figures.Metrics, changes: Mapping[str, Any]) -> str:
    """The headline, the parameters ``changes`` that differ from the commit's, and figures per class, as Markdown."""
    headline = figures.headline(metrics)
    parts = [_table(["", "percent"], [[title, figures.percent(value)] for title, value in headline.items()])]
    if changes:
        rows = [[_as_code(name), _as_code(str(value))] for name, value in changes.items()]
        parts.append(_table(["differs from the commit", "value"], rows))
    columns = figures.class_columns(metrics)
    names = figures.class_names(columns)
    if names:
        head = ["class", *(column.title for column in columns)]
        parts.append(
            _table(
                head, [[_as_text(name), *(figures.cell(one, name) for one in columns)] for name in names[:MAX_CLASSES]]
            )
        )
    if len(names) > MAX_CLASSES:
        parts.append(f"{MAX_CLASSES} of {len(names):,} classes; all are on the page.")
    return "\n\n".join(parts)


def _as_text(name: str) -> str:
    """``name`` as text of Markdown: it makes no link, loads no image, and holds no tag of HTML."""
    return re.sub(r"([\\`*_~\[\]()!#:])", r"\\\1", html.escape(name, quote=False))


def _as_code(text: str) -> str:
    return f"`{text}`" if "`" not in text else _as_text(text)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
