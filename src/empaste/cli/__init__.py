"""``empaste``: commands around the pipeline. The pipeline itself runs with ``dvc repro``."""

import io
import sys

import typer

from empaste.cli.detecting import predict, pseudo_labels, serve
from empaste.cli.projects import init, inspect, review
from empaste.cli.results import export, figures, report, summary, unpack
from empaste.cli.running import doctor, plan, preset, recall, study
from empaste.cli.stores import remote, sync, ui
from empaste.errors import MACHINE_ERRORS, explain

COMMANDS = (
    init,
    inspect,
    summary,
    report,
    ui,
    serve,
    sync,
    preset,
    plan,
    unpack,
    doctor,
    remote,
    recall,
    predict,
    export,
    pseudo_labels,
    study,
    review,
    figures,
)
"""In the order in which the help lists them."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line; bad input and what the machine refuses end with a message and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or a pipe of another encoding than UTF-8: a letter that it lacks is spelt.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except MACHINE_ERRORS as error:
        print(f"ERROR: {explain(error)}", file=sys.stderr)
        sys.exit(1)
