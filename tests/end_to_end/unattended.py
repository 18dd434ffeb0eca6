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
from kubernetes import client

from tests.end_to_end.stack import Stack

LEASE = "token-rotation"


def command(stack: Stack, settle: str, *options: str, job: str = "run") -> list[str]:
    """One unattended run, which lets calls of a dead run end for as long as `settle`; tried once unless told."""
    options = options or ("--attempts", "1")
    return [sys.executable, "-m", "operations", job, "--stack", stack.name, "--settle", settle, *options]


def with_lease(stack: Stack) -> tuple[str, ...]:
    """Options of a job that takes the stack's Lease, keeps a record beside the receipts, and is tried once."""
    places = ("--lease", f"{stack.namespace}/{LEASE}", "--receipts", f"{stack.namespace}/token-receipts")
    return (*places, "--lease-duration", "12s", "--attempts", "1")


def make_lease(stack: Stack) -> None:
    """What the stack's schedule declares."""
    body = client.V1Lease(metadata=client.V1ObjectMeta(name=LEASE))
    with stack.cluster.admin_client() as api:
        client.CoordinationV1Api(api).create_namespaced_lease(stack.namespace, body)


def scheduled_run(stack: Stack, settle: str, *options: str, job: str = "run") -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(stack, settle, *options, job=job),
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
def in_background(stack: Stack, settle: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in the background; with the block, everything that it started is ended."""
    with (stack.directory / "background.log").open("wb") as log:
        environment = stack.pulumi.variables()
        arguments = command(stack, settle, *options)
        run = subprocess.Popen(arguments, cwd=stack.project, env=environment, stdout=log, stderr=log)
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
