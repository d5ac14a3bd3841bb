"""The tables of context substitution: what names a class, what takes its place; the package's and a user's own."""

import csv
import difflib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from empaste.captions.inflection import packaged_words
from empaste.errors import InputError

Phrases = tuple[str, ...]

SECTIONS = ("synonyms", "distractors", "compounds")
"""What a user's YAML file may hold."""


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
    try:
        content = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}; correct it") from error
    if not isinstance(content, dict) or not content.keys() <= set(SECTIONS):
        extra = [str(key) for key in content if key not in SECTIONS] if isinstance(content, dict) else [repr(content)]
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
                f"{path}: {section}.{name} is {words!r}; write a list of words, quoted where YAML reads something else "
                '(as it does for no, on, yes and numbers): ["on", "off"]'
            )
        checked[name.strip().lower()] = _composed(words) if isinstance(words, str) else tuple(map(_composed, words))
    return checked


def _read_csv(path: Path) -> dict[str, Any]:
    """The synonyms of a CSV or TSV file with the columns class and synonym, one synonym per row."""
    synonyms: dict[str, list[str]] = {}
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(_text(path).splitlines(), delimiter=delimiter, strict=True, restkey="more")
    try:
        if not {"class", "synonym"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path} has the columns {', '.join(reader.fieldnames or ())}; wanted: class,synonym")
        for row in reader:
            if not _is_word(row["class"]) or not _is_word(row["synonym"]) or "more" in row:
                raise InputError(f"{path}, line {reader.line_num}: wanted one class and one synonym; correct the line")
            synonyms.setdefault(row["class"].strip().lower(), []).append(_composed(row["synonym"]))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + 1}: {error}; correct the line") from error
    return {"synonyms": {name: tuple(words) for name, words in synonyms.items()}, "distractors": {}, "compounds": {}}


def _composed(word: str) -> str:
    """``word`` in composed letters, as captions are."""
    return unicodedata.normalize("NFKC", word).strip()


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"captions.synonyms is {json.dumps(str(path))}, which cannot be read ({error.strerror}); correct the path, "
            "or set it to null for the package's own words"
        ) from error
