"""Captions of the training images, and the substitution of what must not be in a background (EM-Paste §2.1–2.2).

One file per captioner, which ends with its record, and one line here, in the order in which messages list them. What a
captioner is, says `captioner`.
"""
# ruff: noqa: F401, I001 – an import is an entry

from empaste.captions.captioner import Captioner
from empaste.captions.labels import CAPTIONER as LABELS
from empaste.captions.blip import CAPTIONER as BLIP
from empaste.captions.git import CAPTIONER as GIT
from empaste.captions.image_text_to_text import CAPTIONER as IMAGE_TEXT_TO_TEXT
from empaste.captions.caption_file import CAPTIONER as FILE

CAPTIONERS: dict[str, Captioner] = {one.name: one for one in tuple(globals().values()) if isinstance(one, Captioner)}
"""What ``captions.method`` may be, in the order of the lines above."""
