"""How pages are made of templates: HTML files that need nothing beside them, the same bytes for the same run."""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from empaste.report import figures
from empaste.report.sheets.panels import Facts, Panel, Sheet, fitting

FOLDER = Path(__file__).parent
SCRIPT = "page.js"


def render(template: str, sheets: Sequence[Sheet], **values: Any) -> str:
    """The page that ``template`` makes of ``values`` and of as many pictures of ``sheets`` as it has room for.

    Every text of a data set is escaped. The page's own script is the only one that a browser runs.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": figures.percent,
        "cell": figures.cell,
        "change": figures.change,
        "direction": _direction,
        "figure": figure_text,
        "jpeg": _data_uri,
        "layout": _layout,
        "facts": _attributes,
    }
    script = (FOLDER / SCRIPT).read_text(encoding="utf-8")
    shown = fitting(sheets)
    return environment.get_template(template).render(
        sheets=shown,
        filter_classes=_filter_classes(shown),
        script=Markup(script),  # noqa: S704 - a file of this package
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def figure_text(value: Any) -> str:
    """A metric or a parameter as text: six digits, lists as JSON; None as the sign for "not measured"."""
    if value is None:
        return figures.NOT_MEASURED
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def _direction(pair: tuple[Any, Any]) -> str:
    """The class of an element that shows a difference: "up" or "down", or none where there is no clear one."""
    here, there = pair
    if here is None or there is None or figures.change(here, there) in ("+0.0", "-0.0"):
        return ""
    return "up" if here > there else "down"


def _data_uri(panel: Panel) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(panel.jpeg).decode()


def _layout(sheet: Sheet) -> str:
    """How groups stand on a wide screen: "pairs" and "rows" of panels have neighbours, one group takes the width."""
    most = max((len(group.panels) for group in sheet.groups), default=0)
    if len(sheet.groups) < 2 or most > 8:
        return ""
    return "pairs" if most <= 2 else "rows"


def _attributes(facts: Facts | None) -> Markup:
    """What the page's script filters by, as attributes of an element."""
    if facts is None:
        return Markup()
    known = {"classes": json.dumps(list(facts.classes), ensure_ascii=False)}
    if facts.right is not None:
        known["right"] = "yes" if facts.right else "no"
    if facts.confidence is not None:
        known["confidence"] = f"{facts.confidence:.4f}"
    return Markup("").join(Markup(' data-{}="{}"').format(name, value) for name, value in known.items())


def _filter_classes(sheets: Sequence[Sheet]) -> list[str]:
    """The classes of any picture, each once, in the order of their names."""
    groups = [group for sheet in sheets for group in sheet.groups]
    facts = [group.facts for group in groups] + [panel.facts for group in groups for panel in group.panels]
    return sorted({name for one in facts if one for name in one.classes})
