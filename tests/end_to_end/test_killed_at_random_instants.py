"""Real runs, each killed at an instant that nobody chose: the next one needs nobody, and no consumer notices.

Twenty in `make test-deep` (`DEEP=1`), where there is time; some in `make test`.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import httpx
import psutil

from operations.exit_code import ExitCode
from rotation.backends.transport import json_request
from rotation.clock import from_rfc3339, system_clock
from sandbox.consumer import Consumer
from tests.end_to_end.stack import ROLE, Stack
from tests.end_to_end.unattended import in_background, kill, scheduled_run, started_for, until

KILLS = 20 if os.environ.get("DEEP") else 4
SEED_VARIABLE = "KILL_SEED"
OVERLAP_SECONDS = 30
POLICY = {"lifetime": "900s", "rotate_every": "600s", "overlap": f"{OVERLAP_SECONDS}s", "tolerated_outage": "20s"}
TOKENS = {
    "admin": {"backend": "authentik", "policy": POLICY},
    "vault-admin": {"backend": "vault", "spec": {"role": ROLE}, "policy": POLICY},
}
HOLDS = (1.0, OVERLAP_SECONDS / 2)
"""How long consumers hold what they have read, in seconds: some follow at once, some late in the overlap."""
CALL_SECONDS, SETTLE = 0.1, "1s"
"""How long servers take for each call, so that many a kill meets one, and how long the next run lets such calls end."""
PROMISED_UNTIL = "token-rotation/previous-valid-until"

Kill = Callable[[Stack, "subprocess.Popen[bytes]"], None]


def _the_run_and_its_cli(_stack: Stack, run: subprocess.Popen[bytes]) -> None:
    """Providers and language host live on, and may act."""
    children = [child.pid for child in psutil.Process(run.pid).children()]
    kill(run.pid, *children)


def _the_cli_alone(_stack: Stack, run: subprocess.Popen[bytes]) -> None:
    """The run notices, or is killed itself where it has not started one."""
    children = [child.pid for child in psutil.Process(run.pid).children()]
    kill(*(children or [run.pid]))


def _everything(stack: Stack, run: subprocess.Popen[bytes]) -> None:
    """As a machine that loses its power."""
    kill(run.pid, *started_for(stack))


KINDS: tuple[Kill, ...] = (_the_run_and_its_cli, _the_cli_alone, _everything)


def _force(stack: Stack, nonce: object) -> None:
    """Make every token due."""
    stack.declare(**{name: {**token, "force": str(nonce)} for name, token in TOKENS.items()})


def _generations(stack: Stack) -> dict[str, str]:
    return {token: stack.published_generation(token) for token in TOKENS}


def _accepts(stack: Stack, token: str) -> Callable[[str], bool]:
    if token == "admin":
        return stack.authentik.accepts
    path = "/v1/auth/token/lookup-self"
    send = stack.vault_calls.handle  # past the faults, over connections that stay
    return lambda value: send(json_request("GET", path, headers={"x-vault-token": value})).status == 200


@contextmanager
def _consumers(stack: Stack) -> Iterator[list[Consumer]]:
    """Programs that use every token for the length of the block, several times a second."""
    with ExitStack() as clients:
        consumers = [
            Consumer(
                f"the holder of {token} for {hold:.0f} s",
                clients.enter_context(stack.cluster.admin_client()),
                stack.namespace,
                token,
                _accepts(stack, token),
                hold_seconds=hold,
            )
            for token in TOKENS
            for hold in HOLDS
        ]
        for consumer in consumers:
            consumer.start()
        try:
            yield consumers
        finally:
            for consumer in consumers:
                consumer.stop()


@dataclass(frozen=True)
class Span:
    """How many seconds a run takes to its first call of a backend, and from there to its end."""

    starting: float
    working: float


@dataclass(frozen=True)
class Instant:
    """When to kill: so many seconds after the start, or after the first call of a backend."""

    seconds: float
    while_working: bool

    def wait(self, stack: Stack, run: subprocess.Popen[bytes]) -> bool:
        """Wait for it. False: the run was faster."""
        if self.while_working:
            calls = _calls(stack)
            until(lambda: _calls(stack) > calls or run.poll() is not None, "the run calls a backend")
        try:
            run.wait(self.seconds)
        except subprocess.TimeoutExpired:
            return True
        return False


def _drawn(rng: random.Random, span: Span) -> Instant:
    """Three of four while the run works: it begins with seconds in which nothing is written."""
    while_working = rng.random() < 0.75
    return Instant(rng.uniform(0, span.working if while_working else span.starting), while_working)


def _measured(stack: Stack) -> Span:
    """A run in which every token is replaced."""
    _force(stack, "measured")
    begun, calls = time.monotonic(), _calls(stack)
    with in_background(stack, SETTLE) as run:
        until(lambda: _calls(stack) > calls, "the run calls a backend")
        working = time.monotonic()
        assert run.wait() == ExitCode.FINE
    return Span(working - begun, time.monotonic() - working)


def _calls(stack: Stack) -> int:
    """What runs have asked of Authentik; consumers look inside instead."""
    return stack.authentik.calls.total()


def _killed_and_healed(stack: Stack, instant: Instant, how: Kill) -> str:
    """Kill a run and let the next one heal; what the kill met, or "" when the run was faster."""
    before, mints = _generations(stack), stack.mints
    with in_background(stack, SETTLE) as run:
        if not instant.wait(stack, run):
            return ""
        how(stack, run)
        if run.wait() == ExitCode.FINE:
            return ""
        met = _met(stack.mints - mints, sum(before[token] != now for token, now in _generations(stack).items()))
        healed = scheduled_run(stack, SETTLE)
    assert healed.returncode == ExitCode.FINE, healed.stdout
    pending = stack.pulumi.export()["deployment"].get("pending_operations") or []
    assert [operation["resource"]["urn"] for operation in pending] == []
    after = _generations(stack)
    assert all(after[token] != before[token] for token in TOKENS), "what was due is done"
    for token in TOKENS:
        _what_is_published_works(stack, token)
    return met


def _met(minted: int, published: int) -> str:
    """How far a killed run had come."""
    if published:
        return "after a publication"
    return "between mint and publication" if minted else "before the first mint"


def _what_is_published_works(stack: Stack, token: str) -> None:
    """The current value always, the previous one for as long as the Secret says."""
    secret, annotations = stack.secret(token), stack.secret_metadata(token).annotations
    accepts = _accepts(stack, token)
    assert accepts(secret["token"])
    if "token-previous" in secret and from_rfc3339(annotations[PROMISED_UNTIL]) > system_clock():
        assert accepts(secret["token-previous"])


def _deadlines(stack: Stack) -> list[datetime]:
    """When what is superseded is due, by the stored ledgers of tokens and sweeps."""
    outputs = [resource.get("outputs", {}) for resource in stack.resources().values()]
    entries = [entry for output in outputs for entry in output.get("entries", []) if not entry["retired"]]
    return [from_rfc3339(entry["deadline"]) for entry in entries]


def _confirmed_at_vault(stack: Stack) -> list[str]:
    """What of ours lives there past its lease. What a kill left unknown was never confirmed and dies by itself."""
    found = []
    for accessor in stack.vault_server.as_root("LIST", "auth/token/accessors")["data"]["keys"]:
        with suppress(httpx.HTTPStatusError):  # it died since it was listed
            data = stack.vault_server.as_root("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
            meta = data["meta"] or {}
            if meta.get("owner") == stack.mark and "last_renewal" in data:
                found.append(meta["generation"])
    return found


def _only_the_current_live_on(stack: Stack) -> None:
    """When the last overlap is over, one more run leaves one generation of each token."""
    last_deadline = max(_deadlines(stack))
    left = (last_deadline - system_clock()).total_seconds()
    assert left < OVERLAP_SECONDS
    stack.wait_until(lambda: system_clock() > last_deadline, "the last overlap is over", seconds=left + 5)
    last = scheduled_run(stack, SETTLE)
    assert last.returncode == ExitCode.FINE, last.stdout
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert _confirmed_at_vault(stack) == [stack.published_generation("vault-admin")]
    assert started_for(stack) == []


def test_runs_killed_at_random_instants(stack: Stack, record_property: Callable[[str, object], None]) -> None:
    """Each time the next unattended run heals by itself; no consumer is ever refused, and nothing outlives its end."""
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    print(f"{SEED_VARIABLE}={seed}")
    rng = random.Random(seed)  # noqa: S311 - a run of the test can be repeated
    _force(stack, "first")
    assert scheduled_run(stack, SETTLE).returncode == ExitCode.FINE
    met: Counter[str] = Counter()
    for faults in (stack.authentik_faults, stack.vault_faults):
        faults.delay(CALL_SECONDS, times=sys.maxsize)
    with _consumers(stack) as consumers:
        span = _measured(stack)
        for attempt in range(2 * KILLS):
            _force(stack, attempt)
            met[_killed_and_healed(stack, _drawn(rng, span), rng.choice(KINDS))] += 1
            if met.total() - met[""] == KILLS:
                break
        _only_the_current_live_on(stack)
    too_late = met.pop("", 0)
    assert met.total() == KILLS, f"{too_late} runs ended before they were killed"
    assert [failure for consumer in consumers for failure in consumer.failures] == []
    calls = sum(consumer.calls for consumer in consumers)
    told = ", ".join(f"{count} {where}" for where, count in met.items())
    record_property(
        "figure", f"{KILLS} runs killed at random ({SEED_VARIABLE}={seed}): {told}; {calls} calls, 0 refused"
    )
