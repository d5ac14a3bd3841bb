"""Context substitution (EM-Paste §2.2): words that name a target class give way to distractors.

A caption keeps its context ("on a beach") and loses its objects of interest: each word or phrase that names a class of
the data set in use, or is a synonym of one, is replaced by a random word of the class's supercategory, as published. A
distractor that is, or contains, a word of a class in use is never drawn.

`SYNONYMS` and `DISTRACTORS` are data: another table can be given to `build_rules`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from empaste.captions.vocabulary import DISTRACTORS, NEUTRAL, PLURAL_ONLY, SYNONYMS, plural

SEPARATOR = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Rules:
    """What is replaced (``pattern``) and by what (``distractors``: normalised phrase → words to draw from)."""

    pattern: re.Pattern[str]
    distractors: Mapping[str, tuple[str, ...]]
    plurals: frozenset[str]


def build_rules(
    classes: Sequence[tuple[str, str]],
    synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS,
    distractors: Mapping[str, tuple[str, ...]] = DISTRACTORS,
) -> Rules:
    """The rules for data set classes given as (name, supercategory); at least one class.

    A phrase of the tables that is no class in use but contains a word of one ("hot dog" beside the class dog) is
    replaced too, by the distractors of its own supercategory, so that a hot dog becomes food and no animal. A
    supercategory without a distractor left draws from those of all supercategories, or is called ``object``.
    """
    phrases: dict[str, str] = {}
    for name, supercategory in classes:
        for phrase in _phrases(name, synonyms):
            phrases.setdefault(phrase, supercategory.lower())
    targets = _compile(_inflected(phrases))
    for name, (supercategory, *_) in _KNOWN_COMPOUNDS.items():
        if name not in phrases and targets.search(name):
            phrases[name] = supercategory
    pools = _pools(set(phrases.values()), targets, distractors)
    inflected = _inflected(phrases)
    table = {form: pools[phrases[phrase]] for form, phrase in inflected.items()}
    plurals = frozenset(
        form for form, phrase in inflected.items() if form in PLURAL_ONLY or form == plural(phrase) != phrase
    )
    return Rules(_compile(inflected), table, plurals)


def substitute(text: str, rules: Rules, rng: np.random.Generator) -> str:
    """``text`` without any target word; what replaces each is drawn from ``rng``.

    Whole words, in any case, singular, plural or possessive; the longest phrase wins. A plural stays a plural, a
    leading capital stays one, "a" and "an" follow the new word. Text without a target word comes back as it is.
    """
    for _ in range(3):  # a replacement may complete a phrase with its neighbour
        if not rules.pattern.search(text):
            return text
        text = rules.pattern.sub(lambda match: _replacement(match, rules, rng), text)
    while rules.pattern.search(text):
        text = " ".join(rules.pattern.sub(" ", text).split())
    return text


def normalise(phrase: str) -> str:
    """``phrase`` in lower case, its words parted by single spaces (not hyphens, underscores, line breaks)."""
    return SEPARATOR.sub(" ", phrase.casefold()).strip()


def _replacement(match: re.Match[str], rules: Rules, rng: np.random.Generator) -> str:
    article, found = match["article"] or "", match["phrase"]
    form = normalise(found)
    pool = rules.distractors.get(form, (NEUTRAL,))
    word = pool[int(rng.integers(len(pool)))]
    word = plural(word) if form in rules.plurals else word
    if article:
        return _article(article, word) + match["space"] + word
    return word[0].upper() + word[1:] if found[0].isupper() else word


def _article(article: str, word: str) -> str:
    """ "a" or "an" as ``word`` wants it, capitalised as ``article`` is."""
    fitting = "an" if word[0].lower() in "aeiou" and not word.startswith("U") else "a"
    return fitting.capitalize() if article[0].isupper() else fitting


def _phrases(name: str, synonyms: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The normalised ways to name a class: its name, and the synonyms under it or under a name it is a synonym of."""
    own = normalise(name)
    groups = [(key, *words) for key, words in synonyms.items() if own == key or own in words]
    return list(dict.fromkeys([own, *(word for group in groups for word in group)]))


def _inflected(phrases: Mapping[str, str]) -> dict[str, str]:
    """Normalised surface form (singular and plural) → phrase."""
    forms = {plural(phrase): phrase for phrase in phrases}
    return forms | {phrase: phrase for phrase in phrases}


def _compile(forms: Mapping[str, str]) -> re.Pattern[str]:
    """A pattern for any of ``forms``, longest first, as whole words, with the indefinite article before it."""
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    spelled = "|".join(r"[\s_-]+".join(map(re.escape, form.split())) for form in longest_first)
    return re.compile(
        rf"(?:(?<!\w)(?P<article>an?)(?P<space>\s+))?(?<![^\W_])(?P<phrase>{spelled})(?![^\W_])", re.IGNORECASE
    )


def _pools(
    supercategories: set[str], targets: re.Pattern[str], distractors: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Supercategory → the distractors that may be drawn for it, never empty."""

    def allowed(words: Sequence[str]) -> tuple[str, ...]:
        return tuple(word for word in words if not (targets.search(word) or targets.search(plural(word))))

    everything = allowed([word for words in distractors.values() for word in words]) or (NEUTRAL,)
    return {name: allowed(distractors.get(name, ())) or everything for name in sorted(supercategories)}


_KNOWN_COMPOUNDS: dict[str, tuple[str, ...]] = {
    "hot dog": ("food",), "teddy bear": ("indoor",), "toy car": ("indoor",), "dog house": ("outdoor",),
    "bird house": ("outdoor",), "boat house": ("outdoor",), "bus stop": ("outdoor",), "train station": ("outdoor",),
    "train track": ("outdoor",), "car park": ("outdoor",), "fire truck": ("vehicle",), "horse carriage": ("vehicle",),
}  # fmt: skip
