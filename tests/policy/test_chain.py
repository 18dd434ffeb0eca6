"""The whole chain: which of several facts decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from rotation.checks import Published
from rotation.model import Policy
from rotation.policy import ROTATION_CHAIN, decide
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START, a_generation, a_history, a_policy

GENERATION = a_generation(START)
POLICY = a_policy(
    lifetime="60d", rotate_before="20d", rotate_every="30d", renew_before="10d", overlap="5d", tolerated_outage="2d"
)
CLOSED = a_policy(
    **{**POLICY.model_dump(mode="json"), "windows": [{"from": "02:00", "to": "04:00"}]},
)
EVERYTHING: dict[str, Any] = {
    "policy": CLOSED,
    "newest_seen": a_generation(START + 25 * DAY),
    "adoptable": "authentik/admin",
    "rollback": True,
    "fallback": a_generation(START - DAY),
    "paused": True,
    "dependency": "nothing is ready",
    "unrotated": "apps/admin",
    "superseded": 16,
    "missing": True,
    "rejected": True,
    "emergency": False,  # it would silence the rollbacks
    "forced": True,
    "spec_changed": True,
    "published": Published(a_generation(START - DAY), START + 70 * DAY),
    "unreachable": "no route",
    "rolled_back": True,
    "slot": False,
    "renewable": True,
    "expires": START + 45 * DAY,
    "cap": START + 45 * DAY,
}
AT = START + 36 * DAY  # past the age, near the end, a renewal is due, and before the latest start at day 38

LADDER: list[tuple[Reason, Action, dict[str, Any]]] = [
    # what decides, what it asks for, and the fact to take away so that the next one decides
    (Reason.STATE_IS_OLDER, Action.DEFER, {"newest_seen": ""}),
    (Reason.ADOPTED, Action.ADOPT, {"adoptable": ""}),
    (Reason.ROLLBACK_REQUESTED, Action.ROLL_BACK, {"rollback": False}),
    (Reason.ROLLED_BACK, Action.ROLL_BACK, {"fallback": ""}),
    (Reason.PAUSED, Action.DEFER, {"paused": False}),
    (Reason.WAITING_FOR_DEPENDENCY, Action.DEFER, {"dependency": "", "emergency": True}),
    (Reason.LEDGER_FULL, Action.DEFER, {"superseded": 0}),
    (Reason.MISSING_AT_BACKEND, Action.ROTATE, {"missing": False}),
    (Reason.REJECTED_BY_BACKEND, Action.ROTATE, {"rejected": False}),
    (Reason.EMERGENCY, Action.ROTATE, {"emergency": False}),
    (Reason.FORCED_BY_OPERATOR, Action.ROTATE, {"forced": False}),
    (Reason.SPEC_CHANGED, Action.ROTATE, {"spec_changed": False, "rollback": True}),
    (Reason.NOTHING_TO_ROLL_BACK_TO, Action.DEFER, {"rollback": False}),
    (Reason.PAUSED, Action.DEFER, {"unrotated": ""}),
    (Reason.PREVIOUS_UNPUBLISHED, Action.DEFER, {"published": None}),
    (Reason.BACKEND_UNREACHABLE, Action.DEFER, {"unreachable": ""}),
    (Reason.ROLLED_BACK, Action.DEFER, {"rolled_back": False}),
    (Reason.OUTSIDE_WINDOW, Action.DEFER, {"policy": POLICY}),
    (Reason.ROTATION_LIMIT, Action.DEFER, {"slot": True}),
    (Reason.MAXIMUM_AGE, Action.ROTATE, {}),
]


def test_the_first_fact_decides() -> None:
    """Of all facts at once the gravest decides; each one taken away lets the next one speak, in this order."""
    facts = dict(EVERYTHING)
    for reason, action, away in LADDER:
        known = {name: fact for name, fact in facts.items() if name != "policy"}
        decision = decide(facts["policy"], a_history(generation=GENERATION, **known), AT)
        assert (decision.reason, decision.action) == (reason, action)
        facts |= away


@pytest.mark.parametrize(
    ("facts", "now", "reason", "action"),
    [
        ({}, START + 30 * DAY - SECOND, Reason.NOTHING_DUE, Action.KEEP),
        ({}, START + 30 * DAY, Reason.MAXIMUM_AGE, Action.ROTATE),
        ({"expires": START + 45 * DAY}, START + 29 * DAY, Reason.NEARING_EXPIRY, Action.ROTATE),
        ({"expires": START + 22 * DAY}, START + 12 * DAY, Reason.NEARING_EXPIRY, Action.ROTATE),
    ],
)
def test_age_speaks_before_the_end(facts: dict[str, Any], now: datetime, reason: Reason, action: Action) -> None:
    """At the age a rotation says so even when the end is near as well; the end speaks where the age does not."""
    decision = decide(POLICY, a_history(generation=GENERATION, renewable=True, **facts), now)
    assert (decision.reason, decision.action) == (reason, action)


LEASED_PARTS = {"lifetime": "32d", "rotate_before": None, "rotate_every": "60d", "renew_before": "7d", "overlap": "1d"}
LEASED = a_policy(**LEASED_PARTS)


@pytest.mark.parametrize(
    ("cap", "reason", "action"),
    [
        (START + 90 * DAY, Reason.RENEWAL_DUE, Action.RENEW),
        (START + 32 * DAY, Reason.RENEWAL_GAINS_NOTHING, Action.KEEP),
        (None, Reason.RENEWAL_DUE, Action.RENEW),
    ],
)
def test_a_renewal_that_gains_nothing_is_not_tried(cap: datetime | None, reason: Reason, action: Action) -> None:
    """A due renewal comes when it moves the end, and is kept from the backend when it cannot."""
    facts = {"renewable": True, "expires": START + 32 * DAY, "cap": cap}
    decision = decide(LEASED, a_history(generation=GENERATION, **facts), START + 25 * DAY)
    assert (decision.reason, decision.action) == (reason, action)


def test_a_rotation_goes_before_a_renewal() -> None:
    """When both are due the generation is replaced: a longer life of the old one helps nobody."""
    policy = a_policy(lifetime="32d", rotate_before=None, rotate_every="25d", renew_before="7d", overlap="1d")
    facts = {"renewable": True, "expires": START + 32 * DAY, "cap": START + 90 * DAY}
    decision = decide(policy, a_history(generation=GENERATION, **facts), START + 25 * DAY)
    assert decision.reason is Reason.MAXIMUM_AGE


def test_without_a_generation_the_first_is_minted() -> None:
    """No history is the first generation."""
    decision = decide(POLICY, None, START)
    assert (decision.action, decision.reason) == (Action.ROTATE, Reason.FIRST_GENERATION)
    assert decision.message == "it has no generation yet"


def test_nothing_due_is_kept_until_the_rotation() -> None:
    """A token of which nothing is wrong is kept, and says until when."""
    decision = decide(POLICY, a_history(generation=GENERATION), START)
    assert (decision.action, decision.reason, decision.until) == (
        Action.KEEP,
        Reason.NOTHING_DUE,
        START + 30 * DAY,
    )
    assert decision.message == "nothing is due"


def test_an_unreachable_backend_does_not_stop_an_operator() -> None:
    """Emergency, force and a changed spec are obeyed at once, also when the backend gave no answer to the listing."""
    for fact in ("emergency", "forced", "spec_changed"):
        history = a_history(generation=GENERATION, unreachable="no route", **{fact: True})
        assert decide(POLICY, history, START).action is Action.ROTATE


HELD: dict[str, tuple[Policy, dict[str, Any]]] = {
    "paused": (LEASED, {"paused": True, "forced": True}),
    "rolled back": (LEASED, {"rolled_back": True}),
    "outside of its window": (a_policy(**LEASED_PARTS, windows=[{"from": "02:00", "to": "04:00"}]), {}),
    "over the limit": (LEASED, {"slot": False}),
}


@pytest.mark.parametrize(("policy", "facts"), HELD.values(), ids=HELD.keys())
def test_a_rotation_that_waits_does_not_cost_the_renewal(policy: Policy, facts: dict[str, Any]) -> None:
    """While a mint is held the generation is renewed when that is due and of use, and held otherwise."""
    now = START + 60 * DAY
    due = a_history(generation=GENERATION, renewable=True, expires=now + 7 * DAY, **facts)
    assert decide(policy, due, now).reason is Reason.RENEWAL_DUE
    held = [
        decide(policy, replace(due, expires=now + 7 * DAY + SECOND), now),
        decide(policy, replace(due, cap=now + 7 * DAY), now),
        decide(policy, replace(due, renewable=False), now),
    ]
    assert [decision.action for decision in held] == [Action.DEFER] * 3


def test_other_deferrals_are_not_renewed_meanwhile() -> None:
    """What is not published, or not reachable, or too much, is not given a later end while somebody must look."""
    facts = {"renewable": True, "expires": START + 67 * DAY}
    full = a_history(generation=GENERATION, superseded=16, **facts)
    lost = a_history(generation=GENERATION, published=Published(a_generation(START - DAY), None), **facts)
    decisions = [decide(LEASED, history, START + 60 * DAY) for history in (full, lost)]
    assert [decision.reason for decision in decisions] == [Reason.LEDGER_FULL, Reason.PREVIOUS_UNPUBLISHED]


def test_a_paused_token_gets_no_first_generation() -> None:
    """Paused means no minting, also of the first."""
    decision = decide(POLICY, None, START, paused=True)
    assert (decision.action, decision.reason) == (Action.DEFER, Reason.PAUSED)
    assert decision.message == "it has no generation yet, but minting is paused"


def test_the_chain_holds_each_check_once() -> None:
    """Twenty-five checks, none twice."""
    assert len(ROTATION_CHAIN) == len(set(ROTATION_CHAIN)) == 25
