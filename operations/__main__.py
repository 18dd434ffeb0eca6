"""`python -m operations`: the command that people and CronJobs use around `pulumi`."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from operations.run_log import open_log
from operations.scheduled_run import LONGEST_CALL, ScheduledRun
from rotation import clock
from rotation.durations import format_duration, parse_duration
from rotation.receipt import RUN_ID_VARIABLE

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs around `pulumi`, for people and CronJobs.")


@app.callback()
def _commands() -> None:
    """Keeps `run` a command of its own, beside those that will come."""


@app.command()
def run(
    stack: Annotated[str, typer.Option(help="The stack; the selected one when left out.")] = "",
    directory: Annotated[Path, typer.Option("--cwd", "-C", help="The folder of Pulumi.yaml.")] = Path(),
    limit: Annotated[str, typer.Option(help="End the run after this long.")] = "30m",
    settle: Annotated[str, typer.Option(help="Wait this long before a dead run's lock is broken.")] = format_duration(
        LONGEST_CALL
    ),
) -> None:
    """One unattended run: recover a stale lock, never a live one; one `pulumi up`.

    Ends with 0 fine, 1 failed, 2 refused input, 3 needs a person, 4 a live run holds the lock.
    """
    identifier = os.environ.get(RUN_ID_VARIABLE) or secrets.token_hex(8)
    log = open_log(identifier, clock.system_clock)
    scheduled = ScheduledRun(identifier, directory, stack, log, _duration(limit), _duration(settle))
    sys.exit(scheduled.run())


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def main() -> None:
    """Run the command line; a request to end also ends the running `pulumi` and its providers."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    app()


if __name__ == "__main__":
    main()
