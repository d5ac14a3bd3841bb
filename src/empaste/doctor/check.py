"""What a check finds, and how checks are run together."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, ParamSpec, TypeAlias


class Check(NamedTuple):
    """One line: ``broken`` keeps the pipeline from running, ``note`` is what a person may want to know."""

    state: Literal["ok", "note", "broken"]
    text: str


Found: TypeAlias = Check | list[Check]
"""What one check returns: a line or several."""

Subject = ParamSpec("Subject")
"""What checks look at: a folder, the parameters, or nothing."""


def run(checks: Iterable[Callable[Subject, Found]], *args: Subject.args, **kwargs: Subject.kwargs) -> list[Check]:
    """The lines of all ``checks``, each of which looks at the same subject."""
    lines: list[Check] = []
    for check in checks:
        found = check(*args, **kwargs)
        lines += [found] if isinstance(found, Check) else found
    return lines
