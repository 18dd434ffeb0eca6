"""What holds of every decision, whatever the policy and the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given

from rotation.checks import History, end_of, rotates_at
from rotation.model import Policy
from rotation.policy import decide
from rotation.reasons import Action, Reason
from rotation.testing.builders import SECOND, START
from rotation.testing.strategies import AroundRenewal, around_renewals, histories, instants, lengths, policies


@given(policies(), histories(), instants(), lengths())
def test_a_due_rotation_stays_due(policy: Policy, history: History, now: datetime, later: timedelta) -> None:
    """Of the same history: once rotate, always rotate. Time alone takes no rotation back."""
    if decide(policy, history, now).action is Action.ROTATE:
        assert decide(policy, history, now + later).action is Action.ROTATE


@given(policies(), histories(quiet=True))
def test_a_kept_token_rotates_at_the_instant_that_was_told(policy: Policy, history: History) -> None:
    """The `until` of a keep is the first instant of the rotation: not a second before, and not one later."""
    now = min(START, rotates_at(policy, history) - SECOND)
    decision = decide(policy, replace(history, renewable=False), now)
    assert (decision.action, decision.reason) == (Action.KEEP, Reason.NOTHING_DUE)
    assert decision.until is not None
    assert decide(policy, history, decision.until - SECOND).action is not Action.ROTATE
    assert decide(policy, history, decision.until).action is Action.ROTATE


@given(policies(), histories(quiet=True), instants())
def test_nothing_rotates_that_is_not_due(policy: Policy, history: History, now: datetime) -> None:
    """Without a reason of its own a token rotates from its due instant on, and only then."""
    assert (decide(policy, history, now).action is Action.ROTATE) is (now >= rotates_at(policy, history))


@given(policies(), histories(), instants())
def test_each_decision_says_why(policy: Policy, history: History, now: datetime) -> None:
    """Every decision has a sentence, and no `until` lies in the past."""
    decision = decide(policy, history, now)
    assert decision.message
    assert decision.until is None or decision.until > now


@given(around_renewals())
def test_a_renewal_comes_when_it_is_due_and_of_use(case: AroundRenewal) -> None:
    """It is asked for from its instant on, of a backend that can, once for each end, and only below the cap."""
    history, decision = case.history, decide(case.policy, case.history, case.now)
    tried = history.renewed_end == history.expires
    due = history.renewable and case.now >= case.renewal and not tried
    assert history.expires is not None
    useful = history.cap is None or history.cap > history.expires
    assert (decision.action is Action.RENEW) is (due and useful)
    assert (decision.reason is Reason.RENEWAL_GAINS_NOTHING) is (due and not useful)


@given(around_renewals(), lengths())
def test_one_due_date_is_renewed_once(case: AroundRenewal, later: timedelta) -> None:
    """After a renewal was tried for an end, that end asks for none again, but for a successor; a moved end does."""
    history = replace(case.history, renewable=True, cap=None, renewed_end=None)
    assert decide(case.policy, history, case.renewal).action is Action.RENEW
    tried = replace(history, renewed_end=history.expires)
    assert history.expires is not None
    call = history.expires - case.policy.overlap - case.policy.tolerated_outage
    ends = case.renewal + later >= call
    assert decide(case.policy, tried, case.renewal + later).action is (Action.ROTATE if ends else Action.KEEP)
    moved = replace(tried, expires=history.expires + SECOND)
    assert decide(case.policy, moved, case.renewal).action is Action.KEEP
    assert decide(case.policy, moved, case.renewal + SECOND).action is Action.RENEW


@given(policies(renews=False), histories())
def test_the_wished_end_bounds_the_granted_one(policy: Policy, history: History) -> None:
    """A token that is not renewed ends no later than granted, and no later than today's policy allows."""
    end = end_of(policy, history)
    assert end <= START + policy.lifetime
    assert history.expires is None or end <= history.expires
    assert end in (START + policy.lifetime, history.expires)


@given(policies(), histories(quiet=True), instants(), lengths())
def test_a_broken_target_never_costs_the_last_published_token(
    policy: Policy, history: History, now: datetime, life: timedelta
) -> None:
    """While publication fails a due rotation waits, but never past the published end less the tolerated outage."""
    published = replace(history.published, generation="elsewhere", expires=START + life) if history.published else None
    decision = decide(policy, replace(history, published=published), now)
    due = now >= rotates_at(policy, history)
    limit = START + life - policy.tolerated_outage
    assert (decision.action is Action.ROTATE) is (due and now >= limit)
    assert (decision.reason is Reason.PREVIOUS_UNPUBLISHED) is (due and now < limit)
