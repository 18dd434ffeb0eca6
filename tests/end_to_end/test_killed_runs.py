"""Runs that end in the middle, and runs that meet: the next run needs nobody, and nothing alive is forgotten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from operations.exit_code import ExitCode
from rotation.clock import from_rfc3339
from tests.end_to_end.stack import POLICY, Stack

ADMIN = {"backend": "authentik", "policy": POLICY}
TOKENS = "/api/v3/core/tokens/"
CALL_SECONDS, SETTLE_SECONDS = 4, 5
"""How late the server carries out the call in which a run is killed, and how long the next run lets such calls end."""


def _command(stack: Stack) -> list[str]:
    """One unattended run."""
    return [sys.executable, "-m", "operations", "run", "--stack", stack.name, "--settle", f"{SETTLE_SECONDS}s"]


def _scheduled_run(stack: Stack) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        _command(stack),
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
def _in_background(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in the background; with the block, everything that it started is ended."""
    with (stack.directory / "background.log").open("wb") as log:
        environment = stack.pulumi.variables()
        run = subprocess.Popen(_command(stack), cwd=stack.project, env=environment, stdout=log, stderr=log)
    try:
        yield run
    finally:
        for left in (run.pid, *_started_for(stack)):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        run.wait()


def _started_for(stack: Stack) -> list[int]:
    """Every process that runs for this stack, by its environment: a provider outlives its CLI."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PULUMI_HOME") == stack.environment["PULUMI_HOME"]:
                found.append(process.pid)
    return found


@contextmanager
def _killed_while(stack: Stack, method: str) -> Iterator[None]:
    """Kill -9 a run and its CLI in their first call of this method; the block begins with the call still under way."""
    stack.authentik_faults.delay(CALL_SECONDS, method=method, path=TOKENS)
    with _in_background(stack) as run:
        _until(lambda: stack.authentik_faults.met["delay"] > 0, f"the run calls {method}")
        (cli,) = psutil.Process(run.pid).children()
        for process in (run, cli):
            process.kill()
        _until(lambda: cli.pid not in _started_for(stack), "the CLI is dead")
        assert _started_for(stack), "a provider outlives the CLI"
        yield


def _until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within a minute: {what}")


def _completes_by_itself(stack: Stack) -> None:
    """The next scheduled run breaks the lock, ends what the dead run left, and leaves nothing pending in the state."""
    next_run = _scheduled_run(stack)
    assert next_run.returncode == ExitCode.FINE, next_run.stdout
    assert "stale lock broken" in next_run.stdout
    assert _started_for(stack) == []
    told = {json.loads(line)["run"] for line in next_run.stdout.splitlines()}
    receipt = stack.receipt("admin")
    assert receipt is not None
    assert told == {receipt["run"]}, "log lines and receipt tell of one run"
    _everything_alive_is_in_a_ledger(stack)


def _everything_alive_is_in_a_ledger(stack: Stack) -> None:
    """Alive is the current generation, and besides it only what has a deadline, an overlap from now at the latest."""
    deployment = stack.pulumi.export()["deployment"]
    assert not deployment.get("pending_operations")
    outputs = {item["urn"].rpartition("::")[2]: item.get("outputs", {}) for item in deployment["resources"]}
    ledgers = [*outputs["admin-retirement"]["entries"], *outputs["authentik-sweep"]["entries"]]
    waiting = {entry["generation"]: from_rfc3339(entry["deadline"]) for entry in ledgers if not entry["retired"]}
    current = outputs["admin-pair"]["generation"]
    assert current == stack.published_generation("admin")
    assert sorted([current, *waiting]) == stack.live_at_authentik()
    assert all(29 <= (deadline - stack.now).days <= 30 for deadline in waiting.values())


def _only_the_current_one_lives_on(stack: Stack) -> None:
    """After every deadline, what is not current is dead."""
    stack.pass_days(31)
    stack.up()
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.authentik.accepts(stack.secret("admin")["token"])


def test_a_run_killed_while_it_mints_the_first_generation(stack: Stack) -> None:
    """A mint that no state knows is found by its mark, given a deadline by the next run, and ended after it."""
    stack.declare(admin=ADMIN)
    with _killed_while(stack, "POST"):
        assert stack.live_at_authentik() == []
        _completes_by_itself(stack)
    assert stack.mints == 2
    assert len(stack.live_at_authentik()) == 2
    _only_the_current_one_lives_on(stack)


def test_a_run_killed_while_it_mints_at_a_rotation(stack: Stack) -> None:
    """Consumers keep the old token, the next run rotates and publishes, and all three generations are accounted for."""
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.secret("admin")["token"]
    stack.pass_days(61)
    with _killed_while(stack, "POST"):
        assert stack.secret("admin") == {"token": first}
        _completes_by_itself(stack)
    assert stack.mints == 3
    assert len(stack.live_at_authentik()) == 3
    assert stack.secret("admin")["token-previous"] == first
    assert stack.authentik.accepts(first)
    _only_the_current_one_lives_on(stack)


def test_a_run_killed_between_publication_and_retirement(stack: Stack) -> None:
    """The published generation stays, the one before it gets its whole overlap, and nothing is minted again."""
    stack.declare(admin=ADMIN)
    stack.up()
    stack.pass_days(61)
    stack.up()
    second = stack.secret("admin")["token"]
    stack.pass_days(61)  # the second is due, and so is the end of the first: the run is killed while it revokes that
    with _killed_while(stack, "DELETE"):
        published = stack.secret("admin")
        assert published["token-previous"] == second
        _completes_by_itself(stack)
    assert stack.secret("admin") == published
    assert stack.mints == 3
    assert len(stack.live_at_authentik()) == 2
    _only_the_current_one_lives_on(stack)


def test_two_runs_at_once(stack: Stack) -> None:
    """The second run is refused by the lock and changes nothing; the first completes as if it were alone."""
    stack.declare(admin=ADMIN)
    stack.authentik_faults.delay(20, method="POST", path=TOKENS)
    with _in_background(stack) as first:
        _until(lambda: stack.authentik_faults.met["delay"] > 0, "the first run mints")
        second = _scheduled_run(stack)
        assert first.poll() is None, "the first run ended before the second was refused"
        assert second.returncode == ExitCode.LOCKED, second.stdout
        assert stack.mints == 0
        assert first.wait() == ExitCode.FINE
    assert stack.mints == 1
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.authentik.accepts(stack.secret("admin")["token"])
