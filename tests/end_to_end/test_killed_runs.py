"""Runs that end in the middle, and runs that meet: nothing alive is forgotten, and nothing is done twice."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from rotation.clock import from_rfc3339
from tests.end_to_end.stack import POLICY, Stack

ADMIN = {"backend": "authentik", "policy": POLICY}
TOKENS = "/api/v3/core/tokens/"


@contextmanager
def _run_in_background(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    """One `pulumi up` in a session of its own; what the session leaves is ended with the block."""
    command = ["pulumi", "up", "--stack", stack.name, "--yes", "--skip-preview", "--non-interactive"]
    with (stack.directory / "background.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=stack.project,
            env=stack.pulumi.variables(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for left in _session(process.pid):
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.wait()


def _session(leader: int) -> list[psutil.Process]:
    """Every process of one session: providers keep it, though each has a group of its own."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader:
                found.append(process)
    return found


def _until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within a minute: {what}")


def _kill_while(stack: Stack, method: str, *, done: Callable[[], bool]) -> None:
    """Kill -9 the CLI in its first call of this method; its provider lives on until the call is `done`."""
    stack.authentik_faults.delay(2, method=method, path=TOKENS)
    with _run_in_background(stack) as run:
        _until(lambda: stack.authentik_faults.met["delay"] == 1, f"the run calls {method}")
        run.kill()
        run.wait()
        _until(done, f"the call {method} is done")
    stack.authentik_faults.met.clear()
    assert _locks(stack), "a killed run leaves its lock"


def _locks(stack: Stack) -> list[Path]:
    return list((stack.directory / "state" / ".pulumi" / "locks").rglob("*.json"))


def _next_run(stack: Stack) -> None:
    """What the next scheduled run does."""
    stack.pulumi.run("cancel", "--yes", "--stack", stack.name)
    stack.up()


def _everything_alive_is_in_a_ledger(stack: Stack) -> None:
    """Alive is the current generation, and besides it only what has a deadline, an overlap from now at the latest."""
    resources = stack.resources()
    entries = [
        entry
        for ledger in ("admin-retirement", "authentik-sweep")
        for entry in resources[ledger]["outputs"]["entries"]
        if not entry["retired"]
    ]
    current = resources["admin-pair"]["outputs"]["generation"]
    assert current == stack.published_generation("admin")
    assert sorted([current, *(entry["generation"] for entry in entries)]) == stack.live_at_authentik()
    for entry in entries:
        assert 29 <= (from_rfc3339(entry["deadline"]) - stack.now).days <= 30


def _only_the_current_one_lives_on(stack: Stack) -> None:
    """After every deadline, what is not current is dead."""
    stack.pass_days(31)
    stack.up()
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.authentik.accepts(stack.secret("admin")["token"])


def test_a_run_killed_while_it_mints_the_first_generation(stack: Stack) -> None:
    """A mint that no state knows is found by its mark, given a deadline by the next run, and ended after it."""
    stack.declare(admin=ADMIN)
    _kill_while(stack, "POST", done=lambda: stack.mints == 1)
    (unknown,) = stack.live_at_authentik()

    _next_run(stack)
    assert stack.mints == 2
    assert unknown in stack.live_at_authentik()
    _everything_alive_is_in_a_ledger(stack)
    _only_the_current_one_lives_on(stack)


def test_a_run_killed_while_it_mints_at_a_rotation(stack: Stack) -> None:
    """Consumers keep the old token, the next run rotates and publishes, and all three generations are accounted for."""
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.secret("admin")["token"]
    stack.pass_days(61)
    _kill_while(stack, "POST", done=lambda: stack.mints == 2)
    assert stack.secret("admin") == {"token": first}
    assert stack.authentik.accepts(first)

    _next_run(stack)
    assert stack.mints == 3
    assert stack.secret("admin")["token-previous"] == first
    assert len(stack.live_at_authentik()) == 3
    _everything_alive_is_in_a_ledger(stack)
    _only_the_current_one_lives_on(stack)


def test_a_run_killed_between_publication_and_retirement(stack: Stack) -> None:
    """The published generation stays, the one before it gets its whole overlap, and nothing is minted again."""
    stack.declare(admin=ADMIN)
    stack.up()
    oldest = stack.published_generation("admin")
    stack.pass_days(61)
    stack.up()
    second = stack.secret("admin")["token"]
    stack.pass_days(61)  # the second is due, and so is the end of the oldest: the run is killed while it revokes that
    _kill_while(stack, "DELETE", done=lambda: oldest not in stack.live_at_authentik())
    published = stack.secret("admin")
    assert published["token-previous"] == second

    _next_run(stack)
    assert stack.secret("admin") == published
    assert stack.mints == 3
    assert len(stack.live_at_authentik()) == 2
    _everything_alive_is_in_a_ledger(stack)
    _only_the_current_one_lives_on(stack)


def test_two_runs_at_once(stack: Stack) -> None:
    """The second run is refused by the lock and changes nothing; the first completes as if it were alone."""
    stack.declare(admin=ADMIN)
    stack.authentik_faults.delay(20, method="POST", path=TOKENS)
    with _run_in_background(stack) as first:
        _until(lambda: stack.authentik_faults.met["delay"] == 1, "the first run mints")
        second = stack.up(check=False)
        assert first.poll() is None, "the first run ended before the second was refused"
        assert second.code != 0
        assert "locked" in second.output
        assert stack.mints == 0
        assert first.wait() == 0
    assert stack.mints == 1
    assert stack.authentik.accepts(stack.secret("admin")["token"])
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
