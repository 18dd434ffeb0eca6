"""Runs that end in the middle, and runs that meet: the next run needs nobody, and nothing alive is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from operations.exit_code import ExitCode
from rotation.clock import from_rfc3339
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import in_background, scheduled_run, started_for, until

ADMIN = {"backend": "authentik", "policy": POLICY}
TOKENS = "/api/v3/core/tokens/"
CALL_SECONDS, SETTLE = 4, "5s"
"""How late the server carries out the call in which a run is killed, and how long the next run lets such calls end."""


@contextmanager
def _killed_while(stack: Stack, method: str) -> Iterator[None]:
    """Kill -9 a run and its CLI in their first call of this method; the block begins with the call still under way."""
    stack.authentik_faults.delay(CALL_SECONDS, method=method, path=TOKENS)
    with in_background(stack, SETTLE) as run:
        until(lambda: stack.authentik_faults.met["delay"] > 0, f"the run calls {method}")
        (cli,) = psutil.Process(run.pid).children()
        for process in (run, cli):
            process.kill()
        until(lambda: cli.pid not in started_for(stack), "the CLI is dead")
        assert started_for(stack), "a provider outlives the CLI"
        yield


def _completes_by_itself(stack: Stack) -> None:
    """The next scheduled run breaks the lock, ends what the dead run left, and leaves nothing pending in the state."""
    next_run = scheduled_run(stack, SETTLE)
    assert next_run.returncode == ExitCode.FINE, next_run.stdout
    assert "stale lock broken" in next_run.stdout
    assert started_for(stack) == []
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
    with in_background(stack, SETTLE) as first:
        until(lambda: stack.authentik_faults.met["delay"] > 0, "the first run mints")
        second = scheduled_run(stack, SETTLE)
        assert first.poll() is None, "the first run ended before the second was refused"
        assert second.returncode == ExitCode.LOCKED, second.stdout
        assert stack.mints == 0
        assert first.wait() == ExitCode.FINE
    assert stack.mints == 1
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.authentik.accepts(stack.secret("admin")["token"])
