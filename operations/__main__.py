"""`tokens`, which is `python -m operations`: the commands that people and CronJobs use around `pulumi`."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from operations import accept, exporter, operator_commands, settings_table, validate
from operations.exit_code import ExitCode
from operations.job import Job
from operations.lease import DURATION, LEASE_VARIABLE
from operations.places import RECEIPTS_VARIABLE, ObjectPlace, read_place
from operations.run_log import open_log
from operations.scheduled_run import LONGEST_CALL, ScheduledRun
from rotation import clock
from rotation.durations import format_duration, parse_duration
from rotation.errors import InvalidSettings
from rotation.receipt import RUN_ID_VARIABLE
from rotation.run_record import RETIRE, ROTATE

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs around `pulumi`, for people and CronJobs.")

Stack = Annotated[str, typer.Option(envvar="PULUMI_STACK", help="The stack; the selected one when left out.")]
Directory = Annotated[Path, typer.Option("--cwd", "-C", help="The folder of Pulumi.yaml.")]
LeasePlace = Annotated[str, typer.Option("--lease", envvar=LEASE_VARIABLE, help="namespace/name of the Lease to take.")]
LeaseDuration = Annotated[str, typer.Option(help="How long a run may stay silent before another takes the Lease.")]
Receipts = Annotated[str, typer.Option(envvar=RECEIPTS_VARIABLE, help="namespace/name of the receipts.")]
Limit = Annotated[str, typer.Option(help="End the run after this long.")]
Settle = Annotated[str, typer.Option(help="Wait this long before a dead run's lock is broken.")]
Attempts = Annotated[int, typer.Option(min=1, max=5, help="How often what heals by itself is tried.")]
Backoff = Annotated[str, typer.Option(help="Wait this long between two attempts.")]

_SETTLE = format_duration(LONGEST_CALL)
_BACKOFF = "30s"
_LEASE_DURATION = format_duration(DURATION)


@app.command()
def run(
    *,
    stack: Stack = "",
    directory: Directory = Path(),
    lease: LeasePlace = "",
    lease_duration: LeaseDuration = _LEASE_DURATION,
    receipts: Receipts = "",
    limit: Limit = "30m",
    settle: Settle = _SETTLE,
    attempts: Attempts = 2,
    backoff: Backoff = _BACKOFF,
) -> None:
    """One unattended run: take the Lease, recover a stale lock, never a live one; one `pulumi up`.

    Ends with 0 fine, 1 failed, 2 refused input, 3 needs a person, 4 a live run holds the Lease or the lock,
    5 a backend waits for a person to give it its first credential.
    """
    made = _made(stack, directory, limit, settle, backoff=backoff, attempts=attempts)
    sys.exit(_job(ROTATE, made, lease, receipts, _duration(lease_duration)))


@app.command()
def retire(
    *,
    stack: Stack = "",
    directory: Directory = Path(),
    lease: LeasePlace = "",
    lease_duration: LeaseDuration = _LEASE_DURATION,
    receipts: Receipts = "",
    limit: Limit = "15m",
    settle: Settle = _SETTLE,
    attempts: Attempts = 2,
    backoff: Backoff = _BACKOFF,
) -> None:
    """The same locked run, for retirements and sweeps alone: it revokes what is past its deadline.

    It mints and publishes nothing. Ends with the codes of `run`.
    """
    made = _made(stack, directory, limit, settle, backoff=backoff, attempts=attempts)
    sys.exit(_job(RETIRE, replace(made, only_retire=True), lease, receipts, _duration(lease_duration)))


def _made(stack: str, directory: Path, limit: str, settle: str, *, backoff: str, attempts: int) -> ScheduledRun:
    identifier = os.environ.get(RUN_ID_VARIABLE) or secrets.token_hex(8)
    log = open_log(identifier, clock.system_clock)
    lengths = _duration(limit), _duration(settle)
    return ScheduledRun(identifier, directory, stack, log, *lengths, attempts=attempts, backoff=_duration(backoff))


def _job(name: str, run: ScheduledRun, lease: str, receipts: str, lease_duration: timedelta) -> ExitCode:
    places = _place(lease, LEASE_VARIABLE), _place(receipts, RECEIPTS_VARIABLE)
    return Job(name, run, clock.system_clock, *places, lease_duration=lease_duration).do()


app.command("validate")(validate.command)
app.command("exporter")(exporter.command)
app.command("settings")(settings_table.command)
app.command("accept")(accept.command)
app.add_typer(operator_commands.app, name="operator")


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _place(text: str, variable: str) -> ObjectPlace | None:
    try:
        return read_place(text, variable) if text else None
    except InvalidSettings as error:
        raise typer.BadParameter(str(error)) from None


def main() -> None:
    """Run the command line; a request to end, or a terminal that closes, also ends `pulumi` and its providers."""
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, lambda number, _frame: sys.exit(128 + number))
    app()


if __name__ == "__main__":
    main()
