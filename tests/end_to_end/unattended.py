"""Unattended runs of a stack as processes of their own: to their end, in the background, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.end_to_end.stack import Stack


def command(stack: Stack, settle: str) -> list[str]:
    """One unattended run, which lets calls of a dead run end for as long as `settle`."""
    return [sys.executable, "-m", "operations", "run", "--stack", stack.name, "--settle", settle]


def scheduled_run(stack: Stack, settle: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(stack, settle),
        cwd=stack.project,
        env=stack.pulumi.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@contextmanager
def in_background(stack: Stack, settle: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in the background; with the block, everything that it started is ended."""
    with (stack.directory / "background.log").open("wb") as log:
        environment = stack.pulumi.variables()
        run = subprocess.Popen(command(stack, settle), cwd=stack.project, env=environment, stdout=log, stderr=log)
    try:
        yield run
    finally:
        kill(run.pid, *started_for(stack))
        run.wait()


def started_for(stack: Stack) -> list[int]:
    """Every process that runs for this stack, by its environment: a provider outlives its CLI."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PULUMI_HOME") == stack.environment["PULUMI_HOME"]:
                found.append(process.pid)
    return found


def kill(*processes: int) -> None:
    """Kill -9; one that is gone is fine."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within a minute: {what}")
