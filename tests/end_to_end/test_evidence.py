"""Retirement that waits for evidence, with the real CLI and consumers in a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from operations.exit_code import ExitCode, judge
from rotation.reasons import read_reason_line
from tests.consumers import Consumers
from tests.end_to_end.stack import POLICY, Stack

TOKENS = ("off", "warned", "held", "synced", "secured")


@pytest.fixture
def consumers(stack: Stack) -> Iterator[Consumers]:
    """Two Deployments and an ExternalSecret in the stack's namespace."""
    with stack.cluster.admin_client() as api:
        made = Consumers(api, stack.namespace)
        made.learn_external_secrets()
        made.external_secret("consumer")
        made.deployment("shop")
        made.deployment("mill")
        yield made
        made.forget_external_secrets()


def _declare(stack: Stack) -> None:
    """A token for each way in which evidence can matter."""
    shop, mill = ({"kind": "Deployment", "namespace": stack.namespace, "name": name} for name in ("shop", "mill"))
    synced = {"externalSecret": {"namespace": stack.namespace, "name": "consumer"}}
    enforce = {"mode": "enforce", "wait": "2d"}
    evidence: dict[str, dict[str, Any]] = {
        "off": {},
        "warned": {"mode": "warn", "sources": [{"workload": mill}]},
        "held": {**enforce, "sources": [{"workload": shop}]},
        "synced": {**enforce, "sources": [synced]},
        "secured": {**enforce, "sources": [{"workload": mill}], "security_deadline": "35d"},
    }
    stack.declare(**{name: {"backend": "authentik", "policy": POLICY, "evidence": evidence[name]} for name in TOKENS})


def _told(output: str) -> dict[str, str]:
    """The reason that a run told of each token, with what it does."""
    found = [read for line in output.splitlines() if (read := read_reason_line(line))]
    return {token: f"{decision.action} {decision.reason}" for token, decision in found}


def _exit_code(output: str) -> ExitCode:
    found = [read for line in output.splitlines() if (read := read_reason_line(line))]
    return judge(0, output.splitlines(), [decision for _, decision in found])


def _alive(stack: Stack) -> dict[str, int]:
    """How many generations of each token live."""
    alive = [identifier.split("_")[1] for identifier in stack.live_at_authentik()]
    return {name: alive.count(name) for name in TOKENS}


def _conditions(stack: Stack) -> dict[str, list[str]]:
    """What alerts have to tell, by token, as the receipts hold it."""
    told = {name: (stack.receipt(name) or {})["conditions"] for name in TOKENS}
    return {name: conditions for name, conditions in told.items() if conditions}


def test_a_superseded_generation_waits_for_its_consumers(stack: Stack, consumers: Consumers) -> None:
    """Off and warn end it at its deadline, enforce holds it until evidence or a security deadline; preview agrees."""
    _declare(stack)
    stack.up()
    stack.pass_days(60)
    stack.up()
    consumers.refresh("consumer", stack.now, stack.secret("synced")["token"])
    stack.pass_days(30)
    due = {
        "off": "retire DeadlinePassed",
        "warned": "retire EvidenceMissing",
        "held": "defer WaitingForEvidence",
        "synced": "retire DeadlinePassed",
        "secured": "defer WaitingForEvidence",
    }

    shown = stack.preview().output
    assert _told(shown) == due
    assert _alive(stack) == dict.fromkeys(TOKENS, 2)
    run = stack.up()
    assert _told(run.output) == due
    assert _alive(stack) == {"off": 1, "warned": 1, "held": 2, "synced": 1, "secured": 2}
    assert _conditions(stack) == {
        "warned": ["EvidenceMissing"],
        "held": ["WaitingForEvidence"],
        "secured": ["WaitingForEvidence"],
    }
    assert _exit_code(run.output) is ExitCode.NEEDS_A_PERSON, "the cut without evidence is told to a person"

    stack.pass_days(2.1)  # the wait is over: an alert instead of a cut
    run = stack.up()
    assert _told(run.output) == {"held": "defer EvidenceMissing", "secured": "defer EvidenceMissing"}
    assert f"Deployment {stack.namespace}/shop: its status does not tell of its newest specification" in run.output
    assert _exit_code(run.output) is ExitCode.NEEDS_A_PERSON
    assert _alive(stack) == {"off": 1, "warned": 1, "held": 2, "synced": 1, "secured": 2}
    assert _conditions(stack) == {"held": ["EvidenceMissing"], "secured": ["EvidenceMissing"]}

    consumers.roll_out("shop", stack.published_generation("held"))
    stack.pass_days(3)  # and the security deadline has passed
    run = stack.up()
    assert _told(run.output) == {"held": "retire DeadlinePassed", "secured": "retire DeadlinePassed"}
    assert "the security deadline" in run.output
    assert _alive(stack) == dict.fromkeys(TOKENS, 1)
    assert (_conditions(stack), _exit_code(run.output)) == ({}, ExitCode.FINE)
    assert stack.mints == 2 * len(TOKENS)
