"""Where runs are kept for others: MLflow's store and DVC's remotes."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def ui(port: int = 5000) -> None:
    """Serve MLflow's pages on the store that the pipeline writes, until Ctrl-C."""
    from empaste.tracking.addresses import without_password
    from empaste.tracking.store import runs_address, ui_command

    command = ui_command(port)
    print(shlex.join(map(without_password, command)), file=sys.stderr)
    print(f"Once it runs, open {runs_address(port)}", file=sys.stderr, flush=True)
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def sync() -> None:
    """Send MLflow the runs that its store could not take, which are kept in .work/tracking."""
    from empaste.tracking.sending import sync as send_kept_runs

    troubles = send_kept_runs()
    for trouble in troubles:
        print(f"ERROR: {trouble}", file=sys.stderr)
    raise typer.Exit(1 if troubles else 0)


def remote(
    name: Annotated[str | None, typer.Argument(help="a DVC remote; default: the default one")] = None,
    contents: Annotated[bool, typer.Option("--contents", help="read every object and compare its hash")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="put back from DVC's cache what is wrong")] = False,
) -> None:
    """Check that a DVC remote holds all outputs of this run; exit code 1 if any object is missing or damaged."""
    from empaste.sharing import describe, examine_remote

    holdings = examine_remote(Path(), name, contents=contents, repair=repair)
    print(*describe(holdings), sep="\n")
    raise typer.Exit(int(bool(holdings.wrong)))
