"""Captions as people and models leave them, made fit for a prompt."""

import re
import unicodedata

MAX_CHARACTERS = 1000
"""Longer captions are cut: CLIP's text encoders read some 60 words, T5's some 400, image endpoints 1,000 characters."""

INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
"""Soft hyphens, spaces and joiners without width, byte order marks: they would hide a word from substitution."""

QUOTES = "\"“”'‘’`*"


def tidy(text: str) -> str:
    """``text`` in one line of composed letters, nothing invisible in it, cut at a word's end; "" where nothing is left.

    Emoji, other scripts and punctuation stay.
    """
    composed = unicodedata.normalize("NFKC", text).translate(INVISIBLE)
    printable = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") else letter for letter in composed
    )
    line = " ".join(printable.split())
    return (
        line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS + 1].rpartition(" ")[0] or line[:MAX_CHARACTERS]
    )


def answer(text: str) -> str:
    """What a model that was asked for a caption said, without "Caption:", quotes and a sentence that breaks off."""
    line = re.sub(r"^(?:assistant|caption|description|answer)\s*:\s*", "", tidy(text), flags=re.IGNORECASE).strip(
        QUOTES + " "
    )
    sentences = re.match(r".*[.!?。](?=\s|$|[\"”])", line)
    return sentences[0] if sentences else line
