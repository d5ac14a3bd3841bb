"""Context substitution (EM-Paste §2.2): words that name a target class give way to distractors.

A caption keeps its context ("on a beach") and loses its objects of interest: each word or phrase that names a class of
the data set in use, or is a synonym of one, is replaced by a random word of the class's supercategory, as published. A
distractor that is, or contains, a word of a class in use is never drawn.

Notes:
    The papers replace words; what they do about "hot dog" is not said. Here the longest phrase wins, and a phrase that
    holds a class's word but means something else (a *compound*) is replaced as a whole: a hot dog by food, a dog house
    by a garden shed, since a text-to-image model might well paint a dog for either.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from empaste.captions.inflection import forms, is_plural_only, plural, singulars
from empaste.captions.vocabulary import Phrases, Vocabulary, packaged_vocabulary
from empaste.errors import InputError

SEPARATORS = r"[\s_\-‐‑‒–—]"
APOSTROPHES = "'’ʼ`"
LETTER = r"[^\W_]"

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

AFTER_SIGN = "[\ufe0e\ufe0f\u200d\u2640\u2642\U0001f3fb-\U0001f3ff]*"
"""What may follow an emoji and belongs to it: variation, joiner, gender, skin tone."""

GAPS = re.compile(f"(?:{SEPARATORS}|')+")

AT_ENDS = re.compile(f"^(?:{SEPARATORS}|')+|(?:{SEPARATORS}|'|{AFTER_SIGN[:-1]})+$")

SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|dozen|several|many|some|few|these|those|both|all|various|"
    r"multiple|numerous|\d+|(?:group|herd|flock|pack|bunch|pair|lots?|number|school)\s+of)(?:\s+[\w-]+){0,2}\s+$"
)
"""What stands before a word that is the same in singular and plural where it names several: "two white sheep"."""

SPELLED = re.compile(r"(?:[A-Z]+\b|[A-Z]-|[a-z]{1,3}\d)")
"""The start of a word that is spoken letter by letter: UFO, T-shirt, mp4."""

LAST_RESORTS = ("object", "thing", "item")


@dataclass(frozen=True)
class Meaning:
    """What a form stands for: the class or compound, what may take its place, whether it names several (None: either).

    ``abbreviation`` says that its capitals tell nothing of the sentence around it ("TV").
    """

    name: str
    pool: Phrases
    several: bool | None
    abbreviation: bool


@dataclass(frozen=True)
class Rules:
    """What is replaced (``pattern``, to be matched with folded text) and by what (``meanings``, by the form's key)."""

    pattern: re.Pattern[str]
    meanings: Mapping[str, Meaning]
    class_names: Phrases


def build_rules(
    classes: Sequence[tuple[str, str]],
    vocabulary: Vocabulary | None = None,
    supercategories: Mapping[str, str] | None = None,
) -> Rules:
    """The rules for data set classes given as (name, supercategory); at least one class.

    A class draws from the distractors of the supercategory that ``supercategories`` names for it, else of its own, else
    of the one under which the vocabulary knows it, else from the neutral words; these serve too where all distractors
    are classes in use.

    A phrase of the vocabulary that is no class in use but holds a word of one ("hot dog" beside the class dog) is
    replaced as a whole, by a distractor of its own supercategory or by the words given for it. `InputError` where
    ``supercategories`` names what there is not.
    """
    words = vocabulary or packaged_vocabulary()
    groups = _groups(classes, words, supercategories or {})
    named = {phrase: name for name, _ in reversed(classes) for phrase in _own_names(name)}
    for name, _ in classes:  # a class's own name is its own, also where it is another's synonym (man beside person)
        for phrase in phrases_of(name, words):
            named.setdefault(phrase, name)
    targets = _compile(form for phrase in named for form in forms(phrase))
    pools = {name: _pool(words.distractors.get(group, ()), words, targets) for name, group in groups.items()}
    meanings: dict[str, Meaning] = {}
    for phrase, name in named.items():
        _add(meanings, phrase, name, pools[name])
    for phrase, meaning in _compounds(words).items():
        if targets.search(fold(phrase)):
            drawn = words.distractors.get(meaning, ()) if isinstance(meaning, str) else meaning
            _add(meanings, phrase, phrase, _pool(drawn, words, targets))
            named.setdefault(phrase, phrase)
    return Rules(_compile(form for phrase in named for form in forms(phrase)), meanings, tuple(groups))


def substitute(text: str, rules: Rules, rng: np.random.Generator) -> str:
    """``text`` without any target word; what replaces each is drawn from ``rng``.

    Whole words, in any case, singular, plural or possessive; the longest phrase wins. A plural stays a plural, a
    possessive a possessive, capitals stay capitals, "a" and "an" follow the new word; all else stays as it is. Text
    without a target word comes back unchanged, so doing it twice does no more than doing it once.
    """
    for _ in range(3):  # a replacement may complete a phrase with its neighbours
        folded = fold(text)
        if not rules.pattern.search(folded):
            return text
        text = "".join(_pieces(text, folded, rules, rng))
    while match := rules.pattern.search(fold(text)):
        text = text[: match.start()] + text[match.end() :].lstrip()
    return text


def named_in(text: str, rules: Rules) -> list[str]:
    """The classes and compounds that ``text`` names, in its order, as often as it names them."""
    return [rules.meanings[_key(match["phrase"])].name for match in rules.pattern.finditer(fold(text))]


def phrases_of(name: str, words: Vocabulary) -> list[str]:
    """The ways to name a class: its name, in the singular too, and the synonyms of the vocabulary's class that it is.

    It is the class of that name, and those that have its name among their synonyms (motorbike → motorcycle).
    """
    return list(dict.fromkeys([*_own_names(name), *_synonyms(_known_as(_spaced(name), words), words)]))


def _own_names(name: str) -> list[str]:
    return [_spaced(name), *singulars(_spaced(name))]


def fold(text: str) -> str:
    """``text`` without case, letter by letter, so that places in it are places in ``text``; apostrophes are alike."""
    return "".join(map(_fold_letter, text))


def _fold_letter(letter: str) -> str:
    if letter in APOSTROPHES:
        return "'"
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter


@lru_cache(maxsize=1 << 16)
def _key(phrase: str) -> str:
    """What a form is known by: folded, without gaps, apostrophes and what follows a sign (hot dog, hot-dog, hotdog)."""
    return GAPS.sub("", AT_ENDS.sub("", fold(phrase)))


def _spaced(name: str) -> str:
    return re.sub(SEPARATORS + "+", " ", unicodedata.normalize("NFKC", name)).strip()


def _known_as(name: str, words: Vocabulary) -> list[str]:
    """The vocabulary's classes that ``name`` is, or is a synonym of."""
    keys = set(map(_key, [name, *singulars(name.lower())]))
    return [known for known, others in words.synonyms.items() if keys & set(map(_key, (known, *others)))]


def _synonyms(known: Iterable[str], words: Vocabulary) -> list[str]:
    return [phrase for name in known for phrase in (name, *words.synonyms[name])]


def _groups(
    classes: Sequence[tuple[str, str]], words: Vocabulary, supercategories: Mapping[str, str]
) -> dict[str, str]:
    """Class → supercategory to draw from; one without distractors where none is known."""
    chosen = {name.lower(): group.lower() for name, group in supercategories.items()}
    names = [name for name, _ in classes]
    for name, group in chosen.items():
        if name not in map(str.lower, names):
            raise InputError(f"captions.supercategories names {name!r}, which is no class; classes: {', '.join(names)}")
        if group not in words.distractors:
            raise InputError(
                f"captions.supercategories.{name} is {group!r}; choose from {', '.join(words.distractors)}, "
                "or give it distractors in the file of captions.synonyms"
            )
    return {name: chosen.get(name.lower()) or _group(name, own, words) for name, own in classes}


def _group(name: str, supercategory: str, words: Vocabulary) -> str:
    own = [supercategory.lower(), *singulars(supercategory.lower())]
    known = [words.supercategories[one] for one in _known_as(_spaced(name), words) if one in words.supercategories]
    return next((group for group in [*own, *known] if group in words.distractors), own[0])


def _compounds(words: Vocabulary) -> dict[str, str | Phrases]:
    """Phrase → supercategory or words, of all phrases of several words that the vocabulary knows."""
    of_classes = {
        phrase: words.supercategories.get(name, "")
        for name in words.synonyms
        for phrase in _synonyms([name], words)
        if re.search(SEPARATORS, phrase)
    }
    return of_classes | dict(words.compounds)


def _pool(drawn: Sequence[str], words: Vocabulary, targets: re.Pattern[str]) -> Phrases:
    """Those of ``drawn`` that hold no target word, else the neutral words, else an object, else nothing."""

    def allowed(candidates: Sequence[str]) -> Phrases:
        return tuple(
            word for word in candidates if not any(targets.search(fold(form)) for form in [word, *forms(word)])
        )

    return allowed(drawn) or allowed(words.neutral) or allowed(LAST_RESORTS)[:1]


def _add(meanings: dict[str, Meaning], phrase: str, name: str, pool: Phrases) -> None:
    for form, several in forms(phrase).items():
        known = meanings.setdefault(_key(form), Meaning(name, pool, several, False))
        if phrase.isascii() and phrase.isupper():
            meanings[_key(form)] = replace(known, abbreviation=True)


def _compile(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of ``phrases``, longest first, as whole words, with an article before, a possessive after it.

    A phrase may be written in one word, and the other way round where it is listed in several ("hot dog", "hotdog").
    """
    spaced: dict[str, str] = {}
    for phrase in phrases:
        bare = AT_ENDS.sub("", fold(phrase))
        known = spaced.setdefault(_key(phrase), bare)
        if len(bare.split()) > len(known.split()):
            spaced[_key(phrase)] = bare
    bounded = {key for key in spaced if key and _is_bounded(key[0]) and _is_bounded(key[-1])}
    # By their first letter, so that at a word's start only those are tried that begin like it: ten times as fast.
    first_letters = sorted({key[0] for key in bounded})
    words = [
        f"{first}(?:{'|'.join(_spelling(spaced[key])[1:] for key in _longest_first(bounded) if key[0] == first)})"
        for first in first_letters
    ]
    others = [_spelling(spaced[key]) for key in _longest_first(set(spaced) - bounded - {""})]
    either = [f"(?<!{LETTER})(?:{'|'.join(words)})(?!{LETTER})"] if words else []
    return re.compile(
        rf"(?:(?<!\w)(?P<article>an?)(?P<space>\s+))?(?P<phrase>{'|'.join(either + others) or '(?!)'})"
        rf"(?P<possessive>'s?(?!{LETTER}))?"
    )


def _longest_first(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (-len(key), key))


def _spelling(phrase: str) -> str:
    """The pattern of a folded phrase: boundaries where its script has any, gaps as people write them."""
    tokens = re.split(SEPARATORS + "+", phrase)
    body = f"{SEPARATORS}*".join(re.escape(token).replace("'", "'?") for token in tokens)
    if _is_bounded(phrase[0]) and _is_bounded(phrase[-1]):
        return body
    left = f"(?<!{LETTER})" if _is_bounded(phrase[0]) else ""
    right = f"(?!{LETTER})" if _is_bounded(phrase[-1]) else ""
    return left + body + ("" if phrase[-1].isalnum() else AFTER_SIGN) + right


def _is_bounded(letter: str) -> bool:
    """Whether a word that begins or ends with ``letter`` ends where letters end (signs and some scripts do not)."""
    return letter.isalnum() and not UNSPACED.match(letter)


def _pieces(text: str, folded: str, rules: Rules, rng: np.random.Generator) -> Iterator[str]:
    """``text``, each match of the rules replaced."""
    done = 0
    for match in rules.pattern.finditer(folded):
        yield text[done : match.start()]
        yield _replacement(text, match, rules, rng)
        done = match.end()
    yield text[done:]


def _replacement(text: str, match: re.Match[str], rules: Rules, rng: np.random.Generator) -> str:
    """What stands in the place of ``match``."""
    start, end = match.span("phrase")
    meaning = rules.meanings[_key(match["phrase"])]
    if not meaning.pool:
        return ""
    word = meaning.pool[int(rng.integers(len(meaning.pool)))]
    article = text[match.start() : match.end("article")] if match["article"] else ""
    several = not article and (
        bool(SEVERAL.search(match.string[:start])) if meaning.several is None else meaning.several
    )
    word = plural(word) if several else word
    cased = _in_case(word, text, start, end, meaning.abbreviation)
    cased += _possessive(word, text[end : match.end()], several)
    if article:
        return _article(article, word) + " " + cased
    return _parted(cased, text, start, end)


def _in_case(word: str, text: str, start: int, end: int, abbreviation: bool) -> str:
    """``word`` in capitals where what it replaces is; the letters that are capitals anyway stay so."""
    found, rest = text[start:end], text[:start] + text[end:]
    shouted = rest.isupper() and sum(map(str.isalpha, rest)) > 2
    if abbreviation and found[:2].isupper() and not shouted:
        return word if text[:start].strip() else _capital(word)
    if found.isupper() and sum(map(str.isalpha, found)) > 1:
        return word.upper()
    parts = re.split(SEPARATORS + "+", found)
    if len(parts) > 1 and all(part[:1].isupper() for part in parts):
        return " ".join(map(_capital, word.split(" ")))
    return _capital(word) if found[0].isupper() else word


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _possessive(word: str, ending: str, several: bool) -> str:
    return ending[:1] if several and word.endswith("s") else ending


def _article(article: str, word: str) -> str:
    """The article that the sound of ``word`` wants, or "a pair of" what has no singular; a capital stays one."""
    fitting = "a pair of" if is_plural_only(word) else "an" if _sounds_open(word) else "a"
    return fitting.capitalize() if article[0].isupper() else fitting


def _sounds_open(word: str) -> bool:
    """Whether ``word`` begins with the sound of a vowel."""
    if SPELLED.match(word):
        return word[0].upper() in "AEFHILMNORSX"
    low = word.lower()
    if low.startswith(("uni", "use", "uti", "eu", "one", "once")):
        return False
    return low.startswith(("a", "e", "i", "o", "u", "hour", "honest", "heir"))


def _parted(word: str, text: str, start: int, end: int) -> str:
    """``word`` with a space to letters that stand close to it, as they may beside a sign or in some scripts."""
    before, after = text[:start][-1:], text[end:][:1]
    left = (
        " " if before and not before.isspace() and not _is_bounded(text[start]) and before not in "([{\"'“‘#-" else ""
    )
    right = " " if after.isalnum() and not _is_bounded(text[end - 1]) else ""
    return left + word + right
