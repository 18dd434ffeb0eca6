"""Health: the checks that decide, in another chain, so that what rotates and what alarms cannot disagree."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from rotation.checks import History, Published, planned_at, rotates_at
from rotation.health import health
from rotation.model import Policy
from rotation.policy import decide
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START, a_generation, a_history, a_policy
from rotation.testing.strategies import histories, instants, policies

GENERATION = a_generation(START)
POLICY = a_policy(lifetime="95d", rotate_before="38d")  # due at day 57, latest start at day 62
RENEWED = a_policy(lifetime="32d", rotate_before=None, rotate_every="60d", renew_before="7d", overlap="1d")
DUE = START + 57 * DAY
END = START + 95 * DAY
WEEKLY = a_policy(lifetime="95d", rotate_before="42d", windows=[{"days": ["sun"], "from": "00:00", "to": "12:00"}])

EVERYTHING: dict[str, Any] = {
    "newest_seen": a_generation(START + 40 * DAY),
    "bootstrap": "a person has to give a credential",
    "superseded": 16,
    "missing": True,
    "rejected": True,
    "published": Published(a_generation(START - DAY), START + 200 * DAY),
    "paused": True,
}
LADDER: list[tuple[Reason, dict[str, Any]]] = [
    # what is said, and the facts that change so that the next one is said
    (Reason.STATE_IS_OLDER, {"newest_seen": ""}),
    (Reason.BOOTSTRAP_NEEDED, {"bootstrap": ""}),
    (Reason.LEDGER_FULL, {"superseded": 0}),
    (Reason.MISSING_AT_BACKEND, {"missing": False}),
    (Reason.REJECTED_BY_BACKEND, {"rejected": False}),
    (Reason.EXPIRED, {"expires": END + SECOND}),
    (Reason.PREVIOUS_UNPUBLISHED, {"published": None}),
    (Reason.PAUSED, {"paused": False}),
    (Reason.ROTATION_OVERDUE, {"created": START + 60 * DAY, "expires": None}),
    (Reason.HEALTHY, {}),
]


def test_the_gravest_fact_is_told() -> None:
    """Of all facts at once the gravest is told; each one taken away lets the next one speak, in this order."""
    facts = dict(EVERYTHING)
    for reason, change in LADDER:
        assert health(POLICY, a_history(generation=GENERATION, **facts), END, DAY).reason is reason
        facts |= change


@pytest.mark.parametrize(
    ("policy", "facts", "now", "reason"),
    [
        (POLICY, {}, DUE, Reason.HEALTHY),
        (POLICY, {}, DUE + DAY, Reason.HEALTHY),
        (POLICY, {}, DUE + DAY + SECOND, Reason.ROTATION_OVERDUE),
        (POLICY, {"rolled_back": True}, START + 63 * DAY, Reason.HEALTHY),
        (POLICY, {"rolled_back": True}, START + 63 * DAY + SECOND, Reason.ROTATION_OVERDUE),
        (POLICY, {"slot": False}, START + 63 * DAY, Reason.HEALTHY),
        (POLICY, {"slot": False}, START + 63 * DAY + SECOND, Reason.ROTATION_OVERDUE),
        (a_policy(), {"slot": False}, DUE + DAY, Reason.HEALTHY),
        (WEEKLY, {}, datetime(2026, 3, 2, 0, 0, tzinfo=START.tzinfo), Reason.HEALTHY),
        (WEEKLY, {}, datetime(2026, 3, 2, 0, 0, 1, tzinfo=START.tzinfo), Reason.ROTATION_OVERDUE),
        (POLICY, {"paused": True}, DUE - SECOND, Reason.HEALTHY),
        (POLICY, {"paused": True}, DUE, Reason.PAUSED),
        (POLICY, {"paused": True}, DUE + 2 * DAY, Reason.PAUSED),
        (POLICY, {"forced": True}, START, Reason.HEALTHY),
        (POLICY, {"unreachable": "no route"}, DUE, Reason.HEALTHY),
        (POLICY, {"expires": START + 90 * DAY}, START + 90 * DAY - SECOND, Reason.ROTATION_OVERDUE),
        (POLICY, {"expires": START + 90 * DAY}, START + 90 * DAY, Reason.EXPIRED),
        (POLICY, {"expires": END + DAY}, END, Reason.ROTATION_OVERDUE),
        (RENEWED, {"renewable": True, "expires": START + 30 * DAY}, START + 30 * DAY - SECOND, Reason.HEALTHY),
        (RENEWED, {"renewable": True, "expires": START + 30 * DAY, "cap": END}, START + 30 * DAY, Reason.EXPIRED),
    ],
)
def test_health_at_an_instant(policy: Policy, facts: dict[str, Any], now: datetime, reason: Reason) -> None:
    """Overdue only when a run should have begun it and did not; expired by the end that was granted; else healthy."""
    assert health(policy, a_history(generation=GENERATION, **facts), now, DAY).reason is reason


def test_what_health_says() -> None:
    """A sentence for each code of its own, and until when all is well."""
    history = a_history(generation=GENERATION)
    well = health(POLICY, history, START, DAY)
    assert (well.action, well.message, well.until) == (Action.KEEP, "all is well", DUE)
    late = health(POLICY, history, DUE + 3 * DAY, DAY)
    assert late.message == "a rotation was to begin at 2026-02-27T12:00:00Z, 3d ago, and did not"
    dead = health(POLICY, history, END, DAY)
    assert dead.message == f"{GENERATION} ended at 2026-04-06T12:00:00Z"
    assert late.action is dead.action is Action.ROTATE
    assert well.until == rotates_at(POLICY, history)


@settings(max_examples=50)
@given(policies(waits=True), histories(quiet=True), instants())
def test_rotation_and_health_agree(policy: Policy, history: History, now: datetime) -> None:
    """Overdue means that a run since the planned instant would have rotated it; healthy, that none need have."""
    interval = timedelta(hours=1)
    told = health(policy, history, now, interval).reason
    if told is Reason.ROTATION_OVERDUE:
        assert decide(policy, history, planned_at(policy, history)).action is Action.ROTATE
        assert now > planned_at(policy, history) + interval
    if told is Reason.HEALTHY:
        assert now <= planned_at(policy, history) + interval
    assert told in {Reason.ROTATION_OVERDUE, Reason.HEALTHY, Reason.EXPIRED}
