"""The report that ``empaste doctor`` prints: all checks, then the proposal sources."""

from pathlib import Path

from empaste.doctor.check import Check
from empaste.doctor.registry import examine
from empaste.networks.packages import is_installed
from empaste.proposals import METHODS


def print_report(folder: Path) -> bool:
    """Print all checks of the repository in ``folder`` and the table of proposal sources; whether nothing is broken."""
    healthy = True
    for heading, checks in examine(folder):
        print(heading, *map(_line, checks), sep="\n")
        healthy &= all(check.state != "broken" for check in checks)
    print("Proposal sources", *_aligned(source_table()), sep="\n")
    print("Speed on one core, image of VOC's size, on the machine that docs/proposals.md names; -: not measured")
    return healthy


def _line(check: Check) -> str:
    state = check.state.upper() if check.state == "broken" else check.state
    return f"  {state:7}{check.text}"


def source_table() -> list[list[str]]:
    """A row per proposal source: name, what it learned from, what it needs and whether that is here, and its speed."""
    rows = [["proposals.method", "learned from", "needs", "ms per image"]]
    for name, method in METHODS.items():
        needs = [f"{package} ({'there' if is_installed(package) else 'missing'})" for package in method.needs]
        needs += [f"proposals.{name}.{parameter}" for parameter in method.asks]
        rows.append([name, method.learned_from, ", ".join(needs) or "-", method.speed])
    return rows


def _aligned(rows: list[list[str]]) -> list[str]:
    """A line per row, its cells padded to the width of their column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
