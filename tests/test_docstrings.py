"""What docstrings refer to is there: ``module.name`` in single backticks."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from empaste.layout import PACKAGE

REFERENCE = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)+)`(?!`)")


def docstrings(path: Path) -> Iterator[str]:
    """The texts of ``path`` that stand by themselves: of the module, its classes, functions and values."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def leads_somewhere(reference: str, module: str) -> bool:
    """Whether ``reference`` is found from ``module``, a package around it, the artifacts, or from nowhere."""
    parts = module.split(".")
    around = [".".join(parts[:number]) for number in range(len(parts), 0, -1)]
    return any(is_there(f"{start}.{reference}") for start in (*around, "empaste.artifacts")) or is_there(reference)


def is_there(name: str) -> bool:
    """Whether the longest beginning of the dotted ``name`` that is a module has what the rest names."""
    top, *parts = name.split(".")
    try:
        found: object = import_module(top)
    except ImportError:
        return False
    for number, part in enumerate(parts, 1):
        if not hasattr(found, part) and isinstance(found, ModuleType):
            try:
                import_module(".".join((top, *parts[:number])))
            except ImportError:
                return False
        if not hasattr(found, part):  # a field of a class is only announced in it
            return number == len(parts) and part in getattr(found, "__annotations__", {})
        found = getattr(found, part)
    return True


def test_references_lead_somewhere() -> None:
    lost = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE.parent)
        module = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
        references = {one for text in docstrings(path) for one in REFERENCE.findall(text)}
        lost += [f"{inside}: {one}" for one in sorted(references) if not leads_somewhere(one, module)]
    assert lost == []
