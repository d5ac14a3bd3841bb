"""Formulas as MathML, which browsers draw themselves: a page needs no script and no network."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
"""A formula in a page, as the Markdown extension ``arithmatex`` leaves it."""


def draw_formulas(page: str) -> str:
    """The HTML of a page with every formula in it, LaTeX so far, as MathML."""
    return FORMULA.sub(_mathml, page)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return convert(html.unescape(found[2]), display=display)
