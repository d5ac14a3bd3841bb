"""Damage to what a text file means: fields that are missing, stand twice, are of another type, too large, too deep."""

import copy
import io
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.fuzz.bytes_of import MAX_BYTES

DEEP = 100_000
"""Levels of brackets in brackets: more than any interpreter's stack."""
HUGE = 10**400
"""A whole number beyond every float."""
ENDLESS = "@@ENDLESS@@"
"""Stands in a tree for digits that Python itself refuses to write."""
TEXTS = (
    "", " ", "0", "1", "-1", "1.0", "1e3", "0x10", "１２", "true", "None", "NA", "nan", "inf", "-inf", "1e400", "001",
    "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202eabc", "مرحبا", "🍎", "e\u0301", "é", "a\nb", "\t", "\x1b[31m",
    "x" * 300, "x" * 70_000, "/", "..", "../../etc/passwd", "/etc/passwd", "C:\\x\\1.jpg", ".\\1.jpg", "./1.jpg",
    "1.jpg/", "a//1.jpg", "con", "%s%n", "{0}", "';--", "<b>", "&lt;", ",", ";", '"', "'", "\u2028", "\ufeff", "9" * 25,
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, HUGE, 10**6,
    0.5, -0.0, 1e-300, 1e9, 1e15, 1e19, 1e308, -1e308, float("nan"), float("inf"), -float("inf"), 29.999999999, 2.5,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *TEXTS, *NUMBERS, *NUMBERS, None, None, True, False, [], {}, [[]], [{}], {"": None}, [None], ENDLESS,
    [1, 2], [1, 2, 3, 4], ["1", "2", "3", "4"], {"size": [30, 40], "counts": "0"}, {"size": [30, 40], "counts": []},
    {"size": [2**31, 2**31], "counts": [2**62]}, {"size": [2**20, 2**20], "counts": [2**40]},
    {"size": [-1, -1], "counts": [1]}, {"size": [30, 40], "counts": "~" * 50}, {"size": [0, 0], "counts": ""},
    [[1e9, 1e9, -1e9, 0, 0, 1e9]], [[5, 5, 15, 5, 15, 15]], [[float("nan")] * 6], [[0] * 6], [[1] * 5], [[39, 29] * 4],
)  # fmt: skip

Place = tuple[Any, Any]
"""A container and a key or index in it."""


def tree_damaged(tree: Any, rng: Random) -> Any:
    """A copy of nested lists, dicts and values with one to four changes."""
    tree = [copy.deepcopy(tree)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = _places(tree)
        rng.choice(CHANGES)(rng.choice(places), rng, places)
    return tree[0] if tree else None


def _places(tree: Any) -> list[Place]:
    found: list[Place] = []
    open_ones = [tree]
    while open_ones:
        container = open_ones.pop()
        keys = range(len(container)) if isinstance(container, list) else list(container)
        found += [(container, key) for key in keys]
        open_ones += [container[key] for key in keys if isinstance(container[key], list | dict)]
    return found or [([None], 0)]


def _retype(place: Place, rng: Random, _places: Sequence[Place]) -> None:
    container, key = place
    value = container[key]
    if isinstance(value, int | float):
        choices: tuple[Any, ...] = (str(value), float(value), bool(value), [value], -value, value + 0.5, f" {value} ")
        container[key] = rng.choice(choices) if abs(value) < 2**53 else str(value)
    elif isinstance(value, str):
        choices = (value.encode()[: len(value) // 2].decode(errors="ignore"), value.upper(), f" {value} ", [value],
                   value.replace("/", "\\"), f"./{value}", f"/data/{value}", f"../{value}", value + rng.choice(TEXTS),
                   rng.choice(TEXTS) + value, value * 2, {"name": value})  # fmt: skip
        container[key] = rng.choice(choices)
    else:
        container[key] = rng.choice((json.dumps(value)[:1000], {"0": value}, [value], None))


def _set(place: Place, rng: Random, _places: Sequence[Place]) -> None:
    place[0][place[1]] = copy.deepcopy(rng.choice(VALUES))


def _drop(place: Place, _rng: Random, _places: Sequence[Place]) -> None:
    del place[0][place[1]]


def _double(place: Place, rng: Random, _places: Sequence[Place]) -> None:
    container, key = place
    if isinstance(container, list):
        container.insert(rng.randrange(len(container) + 1), copy.deepcopy(container[key]))
    else:
        container[rng.choice((*container, f"{key}2", str(key).upper(), "extra"))] = copy.deepcopy(container[key])


def _swap(place: Place, rng: Random, places: Sequence[Place]) -> None:
    (first, key), (second, other) = place, rng.choice(places)
    first[key], second[other] = copy.deepcopy(second[other]), copy.deepcopy(first[key])


def _nest(place: Place, rng: Random, _places: Sequence[Place]) -> None:
    container, key = place
    for _ in range(rng.choice((1, 1, 2, 50))):
        container[key] = [container[key]] if rng.random() < 0.5 else {"a": container[key]}


def _unnest(place: Place, _rng: Random, _places: Sequence[Place]) -> None:
    container, key = place
    if isinstance(container[key], list | dict) and container[key]:
        inner = container[key]
        container[key] = inner[0] if isinstance(inner, list) else next(iter(inner.values()))


def _many(place: Place, rng: Random, _places: Sequence[Place]) -> None:
    container, key = place
    if isinstance(container[key], list):
        container[key] = container[key] * rng.choice((3, 100, 1000))


CHANGES: tuple[Callable[[Place, Random, Sequence[Place]], None], ...] = (
    _retype, _retype, _retype, _set, _set, _set, _drop, _double, _swap, _nest, _unnest, _many,
)  # fmt: skip


def json_damaged(data: bytes, rng: Random, _others: Sequence[bytes] = ()) -> bytes:
    """A JSON file with its tree changed, or written as no program should: keys twice, endless digits, too deep."""
    tree = tree_damaged(json.loads(data), rng)
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.7)
    text = text.replace(f'"{ENDLESS}"', "9" * 5000)
    style = rng.choice(("plain",) * 8 + ("bom", "utf-16", "utf-32", "deep", "objects", "twice", "comment", "infinite"))
    if style == "deep":
        text = text.replace(rng.choice(("null", "1", "[]", '"cat"')), "[" * DEEP + "]" * DEEP, 1)
    elif style == "objects":
        text = '{"a":' * DEEP + text + "}" * DEEP
    elif style == "twice":
        text = text.replace("{", rng.choice(('{"id": 1,', '{"images": [],', '{"name": "x",')), 1)
    elif style == "comment":
        text = "// made by hand\n" + text
    elif style == "infinite":
        text = text.replace("1", rng.choice(("1e999", "-Infinity", "NaN", "01", "1.")), 1)
    encoding = {"bom": "utf-8-sig", "utf-16": "utf-16", "utf-32": "utf-32"}.get(style, "utf-8")
    return text.encode(encoding, errors="surrogatepass")


def xml_damaged(data: bytes, rng: Random, _others: Sequence[bytes] = ()) -> bytes:
    """An XML file with elements dropped, doubled, moved or changed, or with entities, encodings and depths."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        return data
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change_element(root, rng)
    out = io.BytesIO()
    try:
        ElementTree.ElementTree(root).write(out, encoding="utf-8")
        text = out.getvalue().decode()
    except (UnicodeEncodeError, ValueError, TypeError):
        text = data.decode()
    return _written_xml(text, rng)


def _change_element(root: ElementTree.Element, rng: Random) -> None:
    parents = [parent for parent in root.iter() if len(parent)]
    if not parents:
        return
    parent = rng.choice(parents)
    child = rng.choice(list(parent))
    action = rng.choice(
        ("text", "text", "text", "number", "number", "drop", "double", "move", "tag", "attribute", "tail")
    )
    if action == "text":
        child.text = rng.choice(TEXTS)
    elif action == "number":
        value = rng.choice(NUMBERS)
        child.text = "9" * 400 if value == HUGE else str(value)
    elif action == "drop":
        parent.remove(child)
    elif action == "double":
        parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(child))
    elif action == "move":
        parent.remove(child)
        rng.choice(list(root.iter())).append(child)
    elif action == "tag":
        child.tag = rng.choice(("object", "name", "bndbox", "polygon", "x1", "size", "width", "Object", "annotation"))
    elif action == "attribute":
        child.set(rng.choice(("id", "name", "xmlns")), rng.choice(("", "1", "x" * 1000)))
    else:
        child.tail = rng.choice(("text", "\n", "x" * 1000))


def _written_xml(text: str, rng: Random) -> bytes:
    style = rng.choice(
        ("plain",) * 8 + ("laugh", "external", "encoding", "utf-16", "deep", "namespace", "comment", "entity")
    )
    body = text[text.find("?>") + 2 :] if text.startswith("<?xml") else text
    if style == "laugh":
        entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        inner = body.replace("</name>", "&l9;</name>", 1)
        return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{entities}]>{inner}'.encode()
    if style == "external":
        return f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{body.replace("</name>", "&x;</name>")}'.encode()
    if style == "encoding":
        name = rng.choice(
            ("latin-1", "utf-7", "bogus", "utf-16", "cp1252", "idna", "hex", "undefined", "rot13", "utf-32")
        )
        return f'<?xml version="1.0" encoding="{name}"?>{body}'.encode(errors="replace")
    if style == "utf-16":
        return f'<?xml version="1.0" encoding="utf-16"?>{body}'.encode("utf-16")
    if style == "deep":
        return body.replace("<object>", "<object>" + "<a>" * DEEP + "</a>" * DEEP, 1).encode()
    if style == "namespace":
        return body.replace("<annotation>", '<annotation xmlns="http://x">', 1).encode()
    if style == "comment":
        return ("<!-- a -->" + body.replace("<name>", "<name><!-- b -->", 1)).encode()
    if style == "entity":
        return body.replace(
            "</name>", rng.choice(("&amp;</name>", "&#0;</name>", "&#xD800;</name>", "&nbsp;</name>"))
        ).encode()
    return text.encode()


def lines_damaged(data: bytes, rng: Random, _others: Sequence[bytes] = ()) -> bytes:
    """A table or a list of names with its lines and fields changed, or in another encoding."""
    lines = data.decode(errors="surrogateescape").split("\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        lines = _change_lines(lines, rng)
    text = rng.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines)[:MAX_BYTES]
    encoding = rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-16-le", "latin-1"))
    return text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")


def _change_lines(lines: list[str], rng: Random) -> list[str]:
    lines = list(lines) or [""]
    at = rng.randrange(len(lines))
    mark = max((",", ";", "\t", ":"), key=lines[0].count)
    fields = lines[at].split(mark)
    place = rng.randrange(len(fields))
    action = rng.choice(
        (
            "field",
            "field",
            "field",
            "drop",
            "double",
            "move",
            "further",
            "fewer",
            "quote",
            "mark",
            "long",
            "many",
            "case",
            "path",
        )
    )
    if action == "drop":
        del lines[at]
    elif action == "double":
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif action == "move":
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    elif action == "mark":
        lines = [line.replace(mark, rng.choice((",", ";", "\t", "|", " "))) for line in lines]
    elif action == "many":
        lines += [lines[at]] * 2000
    else:
        value = fields[place]
        fields[place] = {
            "field": rng.choice((*TEXTS, value + rng.choice(TEXTS))),
            "further": mark.join((value, rng.choice(TEXTS))),
            "fewer": "",
            "quote": rng.choice((f'"{value}"', f'"{value}', f'{value}"x', f'"{value}\n{value}"')),
            "long": value + "x" * 200_000,
            "case": value.swapcase(),
            "path": rng.choice(
                (f"./{value}", f"images/{value}", value.replace("/", "\\"), f"/x/{value}", f"../{value}")
            ),
        }[action]
        lines[at] = mark.join(fields)
    return lines


def yaml_damaged(data: bytes, rng: Random, _others: Sequence[bytes] = ()) -> bytes:
    """A YAML file with its tree changed, or with tags, aliases, tabs, dates, keys twice and depths."""
    text = data.decode(errors="replace")
    if rng.random() < 0.6:
        try:
            text = yaml.dump(_yaml_values(tree_damaged(yaml.safe_load(text), rng)), allow_unicode=rng.random() < 0.5)
        except (yaml.YAMLError, ValueError, UnicodeEncodeError):
            return data
        return text.encode(errors="surrogatepass")
    lines = text.splitlines()
    values = (
        "!!python/object/apply:os.getcwd []",
        "!!binary abc",
        "!!float x",
        "!!int 0x",
        "!!timestamp 2001-99-99",
        "2001-99-99",
        "2001-01-01",
        "*unknown",
        "&a [*a]",
        "? a",
        "\t1",
        "[" * 5000,
        "{a: 1, a: 2}",
        "1_000",
        "0o17",
        "1:30:00",
        "!!set {a}",
        "<<: 1",
        "{<<: *x}",
        "~",
        "'",
        "%",
        "@",
        "0b",
        "0x",
        ".inf",
        "!!bool maybe",
        "1e400",
        "9" * 5000,
        "!!null x",
        "\x07",
        "=",
        "{=: 1}",
        "[[1]]",
        "? [a]\n: b",
        "!!omap [a: 1]",
    )
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        lines[at] = rng.choice((f"{key}{colon} {rng.choice(values)}", f"  {lines[at]}", lines[at].lstrip(),
                                f"{lines[at]}\n{lines[at]}", "", f"{key}2{colon} 1", rng.choice(values)))  # fmt: skip
    return "\n".join(lines).encode(errors="surrogatepass")


def _yaml_values(tree: Any) -> Any:
    """``tree`` with whole numbers that Python can write."""
    if isinstance(tree, dict):
        return {key: _yaml_values(value) for key, value in tree.items()}
    return [_yaml_values(value) for value in tree] if isinstance(tree, list) else tree
