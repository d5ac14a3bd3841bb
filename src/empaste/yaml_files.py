"""YAML files that a person wrote: read with DVC's numbers, within bounds, and refused with what is wrong and where."""

import re
from pathlib import Path
from typing import Any

import yaml

from empaste.errors import InputError

MAX_ALIASES = 20
"""References (``*name``) in a YAML file: more of them, nested, spell more values than any memory holds."""
MAX_BYTES = 2**20
"""Bytes of a YAML file: fifty times those of the shipped parameters."""
MERGE = "tag:yaml.org,2002:merge"
"""The key ``<<``, which takes the keys of another mapping over."""


class _Loader(yaml.SafeLoader):
    """PyYAML, but for numbers such as 1e-05, which is how DVC writes them: YAML 1.1 takes them for text.

    A value that holds itself, references beyond `MAX_ALIASES`, and a key that stands twice are refused.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.open_anchors: list[str | None] = []
        self.num_aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, as PyYAML composes it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if isinstance(event, yaml.AliasEvent):
            self.num_aliases += 1
            if event.anchor in self.open_anchors or self.num_aliases > MAX_ALIASES:
                raise yaml.YAMLError(f"*{event.anchor} spells a value without end")
            return super().compose_node(parent, index)
        self.open_anchors.append(getattr(event, "anchor", None))
        node = super().compose_node(parent, index)
        self.open_anchors.pop()
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, as PyYAML constructs it; a key that stands twice is refused, where PyYAML takes the last."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != MERGE and (first := lines.setdefault(str(key.value), line)) != line:
                raise yaml.YAMLError(f"the key {key.value} stands in line {first} and again in line {line}")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), [*"-+0123456789"]
)


def parse_yaml(text: str) -> Any:
    """The content of the YAML ``text``; `yaml.YAMLError` where it is none."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise yaml.YAMLError(f"a value is none of its kind, or too deep ({error})") from error


def compose_yaml(text: str) -> yaml.Node | None:
    """The nodes of the YAML ``text``, which `parse_yaml` reads, with their places in it."""
    return yaml.compose(text, _Loader)


def read_yaml(path: Path, remedy: str) -> Any:
    """The content of the YAML file at ``path``; `InputError`, which ends with ``remedy``, where it cannot be read."""
    try:
        return parse_yaml(read_text(path, remedy))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}; {remedy}") from error


def read_text(path: Path, remedy: str) -> str:
    """The text of the file at ``path``; `InputError`, which ends with ``remedy``, where it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes; allowed are {MAX_BYTES:,}; {remedy}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run from the top of the repository") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 ({error}); {remedy}") from error
