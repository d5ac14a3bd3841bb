"""The page on the command line, made of the commands themselves."""

import re

import typer
from typer.cli import get_docs_for_click

from empaste.cli import app

CUT_OFF = re.compile(r"\*\*Commands\*\*:\n.*?(?=^## )", re.DOTALL | re.MULTILINE)
"""The list of the commands with the first words of each, which the headings make once more."""


def commands_page() -> str:
    """The help of ``empaste`` and of every command of it, in Markdown."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="empaste", title="Commands")
    return CUT_OFF.sub("", text).replace("```console\n$ ", "```console\n")
