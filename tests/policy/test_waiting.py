"""What holds of every rotation that waits: for a window, a turn, a person. It waits, but not past its deadline."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.checks import History, latest_start, planned_at, rotates_at, scheduled
from rotation.forecast import Outlook, forecast, play
from rotation.ledger import Ledger
from rotation.model import Policy, stored_policy
from rotation.policy import decide
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND, START, a_history, a_policy
from rotation.testing.strategies import HOUR, histories, instants, lengths, policies
from rotation.windows import is_open

ACTS = {Action.ROTATE, Action.ADOPT, Action.ROLL_BACK}
HELD_BY_A_PERSON_OR_A_FAULT = {
    Reason.STATE_IS_OLDER,
    Reason.LEDGER_FULL,
    Reason.PAUSED,
    Reason.PREVIOUS_UNPUBLISHED,
    Reason.BACKEND_UNREACHABLE,
}


@settings(max_examples=50)
@given(policies(waits=True), histories(), instants(), lengths())
def test_what_is_due_stays_due(policy: Policy, history: History, now: datetime, later: timedelta) -> None:
    """Time takes no due date back: due from one instant on, whatever window is open and whoever's turn it is."""
    due = rotates_at(policy, history)
    assert (scheduled(policy, history, now) is not None) is (now >= due)
    assert scheduled(policy, history, max(now, due) + later) is not None


@settings(max_examples=50)
@given(policies(waits=True), histories(), instants())
def test_no_rotation_waits_past_its_deadline(policy: Policy, history: History, now: datetime) -> None:
    """From the latest start on only a fault, or a person's word, keeps a due rotation from beginning.

    While a person's word holds it, the current generation is renewed.
    """
    late = max(now, rotates_at(policy, history), latest_start(policy, history))
    decision = decide(policy, history, late)
    held = decision.reason in HELD_BY_A_PERSON_OR_A_FAULT
    renewed = decision.action is Action.RENEW and (history.paused or bool(history.unrotated))
    assert decision.action in ACTS or held or renewed


@settings(max_examples=50)
@given(policies(waits=True), histories(quiet=True))
def test_a_rotation_begins_when_it_is_planned(policy: Policy, history: History) -> None:
    """Not a second before the planned instant; at it; and that is inside a window, or else the latest start."""
    planned = planned_at(policy, history)
    history = replace(history, renewable=False)
    assert decide(policy, history, planned - SECOND).action is not Action.ROTATE
    assert decide(policy, history, planned).action is Action.ROTATE
    assert planned >= rotates_at(policy, history)
    assert is_open(policy, planned) or planned == max(rotates_at(policy, history), latest_start(policy, history))


@settings(max_examples=50)
@given(policies(waits=True), histories(), instants())
def test_a_deferral_holds_until_the_instant_that_was_told(policy: Policy, history: History, now: datetime) -> None:
    """Where a deferral by time tells an end, it is what is said a second before, and not what is said then."""
    decision = decide(policy, history, now)
    if decision.action is not Action.DEFER or decision.until is None:
        return
    at_rest = replace(history, renewable=False)
    assert decide(policy, at_rest, decision.until - SECOND).reason is decision.reason
    assert decide(policy, at_rest, decision.until).reason is not decision.reason


@settings(max_examples=50)
@given(policies(waits=True), histories(), instants())
def test_preview_and_up_decide_alike(policy: Policy, history: History, now: datetime) -> None:
    """Two processes that know the same decide the same, to the letter, and what they know is left as it was."""
    before = copy.deepcopy((policy, history))
    told = decide(policy, history, now)
    elsewhere = stored_policy(json.loads(json.dumps(policy.model_dump(mode="json"))))
    assert decide(elsewhere, copy.deepcopy(history), now) == told == decide(policy, history, now)
    assert (policy, history) == before


@settings(max_examples=50)
@given(policies(waits=True), histories(), instants())
def test_one_due_date_rotates_once(policy: Policy, history: History, now: datetime) -> None:
    """After a rotation the same run, and any within an overlap and an hour, finds nothing due by time."""
    outlook, happened = play(policy, Outlook(replace(history, paused=False), Ledger()), now)
    if not any(event.action is Action.ROTATE for event in happened):
        return
    for later in (timedelta(0), policy.overlap, policy.overlap + HOUR - SECOND):
        again, more = play(policy, Outlook(outlook.history, Ledger()), now.replace(microsecond=0) + later)
        assert more == []
        assert again.history.generation == outlook.history.generation


@settings(max_examples=50)
@given(policies(waits=True), lengths(HOUR, 26 * HOUR), st.booleans())
def test_rotations_keep_their_distance(policy: Policy, interval: timedelta, renewable: bool) -> None:
    """Years of runs: each rotation at its due instant or later, one at a time, the former generation dead by then."""
    history = a_history(expires=START + policy.lifetime, renewable=renewable)
    alive = 1
    for event in forecast(policy, history, (), START, interval=min(interval, HOUR), count=4):
        alive += 1 if event.action is Action.ROTATE else -1
        assert alive in {1, 2}


WEEKLY = a_policy(lifetime="60d", rotate_before=None, rotate_every="20d", overlap="5d", jitter="3d")


@pytest.mark.parametrize("until", [Reason.ROTATION_LIMIT, Reason.ROLLED_BACK])
def test_a_hold_gives_way_to_a_force_and_an_emergency(until: Reason) -> None:
    """An operator's nonce ends what holds a scheduled rotation, at once and outside of every window."""
    held = {Reason.ROTATION_LIMIT: {"slot": False}, Reason.ROLLED_BACK: {"rolled_back": True}}[until]
    now = START + 21 * DAY
    assert decide(WEEKLY, a_history(**held), now).reason is until
    for nonce in ("forced", "emergency"):
        assert decide(WEEKLY, a_history(**held, **{nonce: True}), now).action is Action.ROTATE
