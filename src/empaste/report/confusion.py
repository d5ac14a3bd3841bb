"""What was taken for what, as a table for people: actual classes down, predicted ones across."""

from collections import Counter
from html import escape

import pandas as pd

from empaste.evaluation.mistakes import NOTHING

MAX_CLASSES = 25
"""With more, the most frequent confusions alone are listed."""
MAX_LISTED = 20
MISSED, MADE_UP = "missed", "nothing there"
"""What is written where there is no predicted, or no actual, class."""


def confusion_table(pairs: pd.DataFrame) -> str:
    """The table of ``pairs`` (columns actual, predicted) as HTML; empty where there is none.

    Classes stand in the order of their names; what was missed or made up last, in a softer colour than a class that is
    called so. A cell is shaded by its share of its row.
    """
    counts = Counter(zip(pairs["actual"], pairs["predicted"], strict=True))
    names = sorted({name for pair in counts for name in pair} - {NOTHING})
    if not counts:
        return ""
    if len(names) > MAX_CLASSES:
        return _list(counts)
    head = "".join(f"<th dir='auto'>{escape(name)}</th>" for name in names) + f"<th class='soft'>{MISSED}</th>"
    rows = "".join(_row(name, [counts[name, other] for other in [*names, NOTHING]]) for name in names)
    made_up = _row(NOTHING, [counts[NOTHING, other] for other in names])
    return (
        f"<div class='scroll'><table class='confusion'><thead><tr><th>actual \\ predicted</th>{head}</tr></thead>"
        f"<tbody>{rows}{made_up}</tbody></table></div>"
    )


def _row(actual: str, counts: list[int]) -> str:
    total = max(sum(counts), 1)
    cells = "".join(f"<td style='--share:{round(100 * count / total)}%'>{count or ''}</td>" for count in counts)
    return f"<tr>{_cell(actual, MADE_UP)}{cells}</tr>"


def _cell(name: str, without: str) -> str:
    """``name``, or ``without`` where there is none."""
    return f"<td class='soft'>{without}</td>" if name == NOTHING else f"<td dir='auto'>{escape(name)}</td>"


def _list(counts: Counter[tuple[str, str]]) -> str:
    wrong = [(pair, count) for pair, count in counts.most_common() if pair[0] != pair[1]]
    rows = "".join(
        f"<tr>{_cell(actual, MADE_UP)}{_cell(predicted, MISSED)}<td>{count}</td></tr>"
        for (actual, predicted), count in wrong[:MAX_LISTED]
    )
    return (
        f"<table><thead><tr><th>actual</th><th>predicted</th><th>times</th></tr></thead><tbody>{rows}</tbody></table>"
    )
