"""The tables of context substitution: what names a class, what takes its place; the package's and a user's own."""

import difflib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as bounded
from typing import Any

import yaml

from empaste.artifacts.csv_tables import read_csv
from empaste.captions.inflection import packaged_words
from empaste.errors import InputError
from empaste.settings import require_readable

Phrases = tuple[str, ...]

SECTIONS = ("synonyms", "distractors", "compounds")
"""What a user's YAML file may hold."""
LAYOUT = "a table of words has the columns class,synonym"
REMEDY = "correct the path, or set it to null for the package's own words"
"""What to do where the file of synonyms cannot be read."""

YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What PyYAML raises: its own errors, and those of the values that it makes (a date of the 40th, a deep nesting)."""


class _UniqueKeys(yaml.SafeLoader):
    """YAML whose mappings name every key once; PyYAML itself keeps the last of two values without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if doubled := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {doubled!r} stands twice; remove one of them", node.start_mark
            )
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class Vocabulary:
    """The tables; phrases as written there, supercategories and classes in lower case.

    Attributes:
        synonyms: Class → other words for it.
        supercategories: Class → supercategory, of the classes whose supercategory is known.
        distractors: Supercategory → what is drawn.
        compounds: Phrase that holds a class's word and means something else → supercategory, or words to draw from.
        neutral: What is drawn where no distractor is left.
    """

    synonyms: Mapping[str, Phrases]
    supercategories: Mapping[str, str]
    distractors: Mapping[str, Phrases]
    compounds: Mapping[str, str | Phrases]
    neutral: Phrases


def packaged_vocabulary() -> Vocabulary:
    """The tables that come with the package (``words.yaml``)."""
    words = packaged_words()
    listed = {name: [*others] for classes in words["classes"].values() for name, others in classes.items()}
    for name, signs in words["symbols"].items():
        listed[name] += [*signs]
    return Vocabulary(
        synonyms={name: tuple(others) for name, others in listed.items()},
        supercategories={name: group for group, classes in words["classes"].items() for name in classes},
        distractors={group: tuple(drawn) for group, drawn in words["distractors"].items()},
        compounds={
            phrase: meaning if isinstance(meaning, str) else tuple(meaning)
            for phrase, meaning in words["compounds"].items()
        },
        neutral=tuple(words["neutral"]),
    )


def read_vocabulary(path: str | None, class_names: Sequence[str]) -> Vocabulary:
    """The package's tables, with those of a user's file ``path`` (YAML or CSV) added.

    Synonyms are added to those there are; one with a minus before it is taken out. Distractors of a supercategory and
    the meaning of a compound replace what the package says. `InputError` for a file that cannot be read or has another
    form, and for synonyms of a class that neither the data set (``class_names``) nor the package knows.
    """
    vocabulary = packaged_vocabulary()
    if path is None:
        return vocabulary
    own = _read_csv(Path(path)) if path.lower().endswith((".csv", ".tsv")) else _read_yaml(Path(path))
    _check_classes(path, own["synonyms"], vocabulary, class_names)
    return replace(
        vocabulary,
        synonyms={**vocabulary.synonyms, **_extended(vocabulary.synonyms, own["synonyms"])},
        distractors={**vocabulary.distractors, **own["distractors"]},
        compounds={**vocabulary.compounds, **own["compounds"]},
    )


def _extended(known: Mapping[str, Phrases], own: Mapping[str, Phrases]) -> dict[str, Phrases]:
    """The synonyms of the classes of ``own``: those known, without those taken out, and the new ones.

    A class may be called by a synonym, as VOC calls the couch a sofa.
    """
    extended: dict[str, Phrases] = {}
    for name, words in own.items():
        taken_out = {word[1:].strip().casefold() for word in words if word.startswith("-")}
        added = [word for word in words if not word.startswith("-")]
        same = [name] if name in known else [one for one, others in known.items() if name in others] or [name]
        for one in same:
            before = extended.get(one, known.get(one, ()))
            extended[one] = tuple(word for word in [*before, *added] if word.casefold() not in taken_out)
    return extended


def _check_classes(path: str, own: Mapping[str, Phrases], known: Vocabulary, class_names: Sequence[str]) -> None:
    """`InputError` where synonyms are given for a class that nobody knows, which is a slip of the pen."""
    names = {name.casefold().replace("_", " ") for name in class_names}
    for name in own:
        if name not in known.synonyms and name.replace("_", " ") not in names:
            near = difflib.get_close_matches(name, [*names, *known.synonyms], 1)
            raise InputError(
                f"{path}: synonyms has {name!r}, which is no class of the data set; "
                + (f"did you mean {near[0]}? " if near else "")
                + f"classes: {', '.join(sorted(class_names))}"
            )


def _read_yaml(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        content = yaml.load(text, _UniqueKeys)  # noqa: S506  a SafeLoader
    except YAML_ERRORS as error:
        raise InputError(f"{path} is not valid YAML: {error}; correct it") from error
    if not isinstance(content, dict) or not content.keys() <= set(SECTIONS):
        keys = list(content) if isinstance(content, dict) else [content]
        extra = [key if isinstance(key, str) else bounded(key) for key in keys if key not in SECTIONS]
        raise InputError(
            f"{path} has {', '.join(extra[:5])} at its top; allowed there: {', '.join(SECTIONS)} "
            "(the words for a class stand under synonyms, as class: [word, word])"
        )
    tables = {section: _table(path, section, content.get(section) or {}) for section in SECTIONS}
    for section in ("synonyms", "distractors"):
        tables[section] = {
            name: (words,) if isinstance(words, str) else words for name, words in tables[section].items()
        }
    return tables


def _table(path: Path, section: str, table: Any) -> dict[str, str | Phrases]:
    """One section, its keys in lower case; each value a word or a list of words."""
    if not isinstance(table, dict):
        raise InputError(f"{path}: {section} holds {type(table).__name__}; write name: [word, word] under it")
    checked: dict[str, str | Phrases] = {}
    for name, words in table.items():
        several = [words] if isinstance(words, str) else words
        if not isinstance(name, str) or not isinstance(several, list) or not all(_is_word(word) for word in several):
            raise InputError(
                f"{path}: {section}.{name} is {bounded(words)}; write a list of words, quoted where YAML reads "
                'something else (as it does for no, on, yes and numbers): ["on", "off"]'
            )
        key = _class_key(name)
        if key in checked:
            raise InputError(f"{path}: {section} has {key} twice, as it is read in lower case; join the two")
        checked[key] = _composed(words) if isinstance(words, str) else tuple(map(_composed, words))
    return checked


def _read_csv(path: Path) -> dict[str, Any]:
    """The synonyms of a CSV or TSV file with the columns class and synonym, one synonym per row."""
    require_readable(path, "captions.synonyms", REMEDY)
    synonyms: dict[str, list[str]] = {}
    for line, row in read_csv(path, ("class", "synonym"), (), LAYOUT, "give every synonym a row of its own").rows:
        if not row["class"] or not row["synonym"]:
            raise InputError(f"{path}, line {line}: wanted one class and one synonym; correct the line")
        synonyms.setdefault(_class_key(row["class"]), []).append(_composed(row["synonym"]))
    return {"synonyms": {name: tuple(words) for name, words in synonyms.items()}, "distractors": {}, "compounds": {}}


def _class_key(name: str) -> str:
    """A class's name in lower case and composed letters, as classes are called here."""
    return unicodedata.normalize("NFC", name).strip().lower()


def _composed(word: str) -> str:
    """``word`` in composed letters, as captions are."""
    return unicodedata.normalize("NFKC", word).strip()


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _text(path: Path) -> str:
    require_readable(path, "captions.synonyms", REMEDY)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
